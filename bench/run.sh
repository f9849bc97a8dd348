#!/usr/bin/env bash
# Whole answers, prompts included, one sequence at a time, on the bundled pair and its router padded to
# real models' shapes: the LLM alone beside llama-bench on the same file, the SLM alone, plain routing,
# speculative routing, and speculative decoding here and in llama-server. Runs are interleaved and the
# medians of the rounds are printed.
#
#   bench/run.sh [--slm 135M] [--llm 1.7B] [--llm-type Q8_0] [--policy citer] [--rounds 5] [--limit 8] [--threads N]
set -euo pipefail
cd "$(dirname "$0")/.."

slm=135M llm=1.7B llm_type=Q8_0 policy=citer rounds=5 limit=8 threads=$(nproc)
while [ $# -gt 0 ]; do
  case $1 in
    --slm) slm=$2 ;; --llm) llm=$2 ;; --llm-type) llm_type=$2 ;; --policy) policy=$2 ;; --rounds) rounds=$2 ;;
    --limit) limit=$2 ;; --threads) threads=$2 ;;
    *) echo "bench: unknown option $1" >&2; exit 2 ;;
  esac
  shift 2
done

. bench/padded.sh

# llama-server on the same prompts: milliseconds per token, prompts included, with drafts of $1 tokens
# (0: the LLM alone).
server_time() {
  local port=$((20000 + RANDOM % 20000)) pid prompt answer total=0 tokens=0 draft=()
  (($1 == 0)) || draft=(-md "$slm_file" --spec-type draft-simple --spec-draft-n-max "$1" -td "$threads" -ngld 0)
  bench/llama-tool llama-server -m "$llm_file" "${draft[@]}" -t "$threads" -ngl 0 -c 1024 -np 1 \
    --host 127.0.0.1 --port $port >"$work/server.log" 2>&1 &
  pid=$!
  for _ in $(seq 300); do
    curl -sf "http://127.0.0.1:$port/health" >/dev/null && break
    sleep 0.2
  done
  while read -r prompt; do
    answer=$(curl -sf "http://127.0.0.1:$port/completion" \
      -d "{\"prompt\":$prompt,\"n_predict\":96,\"temperature\":0,\"cache_prompt\":false}")
    total=$(echo "$total $(echo "$answer" | field prompt_ms) $(echo "$answer" | field predicted_ms)" | awk '{ print $1 + $2 + $3 }')
    tokens=$((tokens + $(echo "$answer" | field predicted_n)))
  done < <(head -n "$limit" models/demo/data/math.test.jsonl | sed -E 's/.*"prompt":("([^"\\]|\\.)*").*/\1/')
  kill "$pid" && wait "$pid" 2>/dev/null || true
  echo "$total $tokens" | awk '{ print $1 / $2 }'
}
command -v curl >/dev/null || { echo "bench: curl is needed to ask llama-server" >&2; exit 1; }

median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
field() { sed -E "s/.*\"$1\": *([-+.0-9eE]+).*/\1/"; }

: >"$work/rows"
for round in $(seq "$rounds"); do
  theirs=$(bench/llama-tool llama-bench -m "$llm_file" -t "$threads" -ngl 0 -p 0 -n 48 -d 64 -r 1 -o jsonl 2>/dev/null |
    tail -n 1 | field avg_ts)
  ours=$(build/release/citer bench --json --rounds 1 --limit "$limit" -n 96 -t "$threads" -td "$threads" \
    --slm "$slm_file" --llm "$llm_file" --router "$router" --policy "$policy")
  alone=$(server_time 0)
  server=$(for draft in 2 4 8; do server_time $draft; done | sort -g | head -n 1)
  row="$theirs $(echo "$ours" | field llm_decode_tokens_per_second) $alone $server"
  for strategy in llm slm routed speculative decoding; do
    row+=" $(echo "$ours" | field ${strategy}_seconds_per_token) $(echo "$ours" | field ${strategy}_predicted_seconds_per_token)"
  done
  echo "$row $(echo "$ours" | field routed_llm_share) $(echo "$ours" | field speculative_outside_models)" >>"$work/rows"
  echo "round $round of $rounds: $(tail -n 1 "$work/rows")" >&2
done

column() { awk "{ print $1 }" "$work/rows" | median; }
line() { # NAME MILLISECONDS PREDICTED
  printf '%-36s %8.2f %9.2fx %14.2fx %10.2f\n' "$1" "$(column "$2")" "$(column "\$5 * 1e3 / ($2)")" \
    "$(column "\$4 / ($2)")" "$(column "($3) / ($2)")"
}
cat <<TABLE
SLM $slm, LLM $llm $llm_type, $threads threads, $limit answers, medians of $rounds rounds
LLM share of routing $(column '$15'); outside both models $(column '100 * $16') % of speculative routing's time
decoding by the LLM alone: citer $(column '$2') tokens/s, llama-bench $(column '$1'), ratio $(column '$2 / $1')

whole answers, prompts included      ms/token    beside  beside llama-   predicted
                                              LLM alone  server's best   /measured
TABLE
line 'citer, LLM alone' '$5 * 1e3' '$6 * 1e3'
line 'citer, SLM alone' '$7 * 1e3' '$8 * 1e3'
line 'citer, plain routing' '$9 * 1e3' '$10 * 1e3'
line 'citer, speculative routing' '$11 * 1e3' '$12 * 1e3'
line 'citer, speculative decoding' '$13 * 1e3' '$14 * 1e3'
line 'llama-server, LLM alone' '$3' '$3'
line 'llama-server, speculative, its best' '$4' '$4'
