#!/usr/bin/env bash
# Decoding speed, one sequence, on the bundled pair and its router padded to real models' shapes: the LLM
# alone beside llama-bench on the same file, the SLM alone, plain routing beside the sum of its parts,
# speculative routing, and speculative decoding here and in llama-server. Runs are interleaved and the
# medians of the rounds are printed.
#
#   bench/run.sh [--slm 135M] [--llm 1.7B] [--llm-type Q8_0] [--policy citer] [--rounds 5] [--threads N]
set -euo pipefail
cd "$(dirname "$0")/.."

slm=135M llm=1.7B llm_type=Q8_0 policy=citer rounds=5 threads=$(nproc)
while [ $# -gt 0 ]; do
  case $1 in
    --slm) slm=$2 ;; --llm) llm=$2 ;; --llm-type) llm_type=$2 ;; --policy) policy=$2 ;; --rounds) rounds=$2 ;; --threads) threads=$2 ;;
    *) echo "bench: unknown option $1" >&2; exit 2 ;;
  esac
  shift 2
done

work=build/bench
mkdir -p "$work"
inflate() { # MODEL SHAPE TYPE: prints the padded file's path
  local out=$PWD/$work/$1-$2-$3.gguf
  [ "$out" -nt "models/demo/$1.gguf" ] ||
    build/release/citer-inflate "models/demo/$1.gguf" "$out" --like "$2" --type "$3" >&2
  echo "$out"
}
slm_file=$(inflate slm "$slm" Q8_0)
llm_file=$(inflate llm "$llm" "$llm_type")
router=$PWD/$work/router-$slm.gguf
build/release/citer-inflate models/demo/router-citer.gguf "$router" --router-slm "$slm_file"

# Speculative decoding of llama-server on the same prompts: tokens per second with drafts of $1 tokens.
server_speed() {
  local port=$((20000 + RANDOM % 20000)) pid prompt sum=0 n=0 speed
  bench/llama-tool llama-server -m "$llm_file" -md "$slm_file" --spec-type draft-simple \
    --spec-draft-n-max "$1" -t "$threads" -td "$threads" -ngl 0 -ngld 0 -c 1024 -np 1 \
    --host 127.0.0.1 --port $port >"$work/server.log" 2>&1 &
  pid=$!
  for _ in $(seq 300); do
    curl -sf "http://127.0.0.1:$port/health" >/dev/null && break
    sleep 0.2
  done
  while read -r prompt; do
    speed=$(curl -sf "http://127.0.0.1:$port/completion" -d "{\"prompt\":$prompt,\"n_predict\":48,\"temperature\":0}" |
      field predicted_per_second)
    sum=$(echo "$sum $speed" | awk '{ print $1 + 1 / $2 }') n=$((n + 1))
  done < <(head -n 2 models/demo/data/math.test.jsonl | sed -E 's/.*"prompt":("([^"\\]|\\.)*").*/\1/')
  kill "$pid" && wait "$pid" 2>/dev/null || true
  echo "$sum $n" | awk '{ print $2 / $1 }'
}
command -v curl >/dev/null || { echo "bench: curl is needed to ask llama-server" >&2; exit 1; }

median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
field() { sed -E "s/.*\"$1\": *([-+.0-9eE]+).*/\1/"; }

: >"$work/rows"
for round in $(seq "$rounds"); do
  theirs=$(bench/llama-tool llama-bench -m "$llm_file" -t "$threads" -ngl 0 -p 0 -n 48 -d 64 -r 1 -o jsonl 2>/dev/null |
    tail -n 1 | field avg_ts)
  ours=$(build/release/citer bench --json --rounds 1 --limit 2 -n 48 -t "$threads" -td "$threads" \
    --slm "$slm_file" --llm "$llm_file" --router "$router" --policy "$policy")
  server=0
  for draft in 2 4 8; do server=$(echo "$server $(server_speed $draft)" | awk '{ print ($1 > $2 ? $1 : $2) }'); done
  echo "$theirs $(echo "$ours" | field llm_tokens_per_second) $(echo "$ours" | field slm_tokens_per_second)" \
    "$(echo "$ours" | field routed_tokens_per_second) $(echo "$ours" | field llm_share)" \
    "$(echo "$ours" | field routed_overhead) $(echo "$ours" | field speculative_tokens_per_second)" \
    "$(echo "$ours" | field decoding_tokens_per_second) $server" >>"$work/rows"
  echo "round $round of $rounds: $(tail -n 1 "$work/rows")" >&2
done

column() { awk "{ print $1 }" "$work/rows" | median; }
cat <<TABLE
SLM $slm, LLM $llm $llm_type, $threads threads, medians of $rounds rounds, tokens/s

llama-bench, LLM alone     $(column '$1')
citer, LLM alone           $(column '$2')   beside llama-bench: $(column '$2 / $1')
citer, SLM alone           $(column '$3')
citer, plain routing       $(column '$4')   beside the LLM alone: $(column '$4 / $2'), LLM share $(column '$5')
routing beside its parts   $(column '$6')   (time / (t_SLM + p * t_LLM(catch-up)))
citer, speculative routing $(column '$7')   beside the LLM alone: $(column '$7 / $2')
citer, speculative decoding $(column '$8')   beside the LLM alone: $(column '$8 / $2'), beside llama-server's: $(column '$8 / $9')
llama-server, its best     $(column '$9')   beside the LLM alone: $(column '$9 / $2'); of drafts of 2, 4 and 8 tokens
TABLE
