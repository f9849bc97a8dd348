#!/usr/bin/env bash
# Decoding speed, one sequence, on the bundled pair padded to real models' shapes: the LLM alone beside
# llama-bench on the same file, the SLM alone, and plain routing beside the sum of its parts. Runs are
# interleaved and the medians of the rounds are printed.
#
#   bench/run.sh [--slm 135M] [--llm 1.7B] [--rounds 5] [--threads N]
set -euo pipefail
cd "$(dirname "$0")/.."

slm=135M llm=1.7B rounds=5 threads=$(nproc)
while [ $# -gt 0 ]; do
  case $1 in
    --slm) slm=$2 ;; --llm) llm=$2 ;; --rounds) rounds=$2 ;; --threads) threads=$2 ;;
    *) echo "bench: unknown option $1" >&2; exit 2 ;;
  esac
  shift 2
done

work=build/bench
mkdir -p "$work"
inflate() { # MODEL SHAPE: prints the padded file's path
  local out=$PWD/$work/$1-$2.gguf
  [ "$out" -nt "models/demo/$1.gguf" ] ||
    build/release/citer-inflate "models/demo/$1.gguf" "$out" --like "$2" >&2
  echo "$out"
}
slm_file=$(inflate slm "$slm")
llm_file=$(inflate llm "$llm")

median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
field() { sed -E "s/.*\"$1\": *([-+.0-9eE]+).*/\1/"; }

: >"$work/rows"
for round in $(seq "$rounds"); do
  theirs=$(bench/llama-tool llama-bench -m "$llm_file" -t "$threads" -ngl 0 -p 0 -n 48 -d 64 -r 1 -o jsonl 2>/dev/null |
    tail -n 1 | field avg_ts)
  ours=$(build/release/citer bench --json --rounds 1 --limit 2 -n 48 -t "$threads" -td "$threads" \
    --slm "$slm_file" --llm "$llm_file")
  echo "$theirs $(echo "$ours" | field llm_tokens_per_second) $(echo "$ours" | field slm_tokens_per_second)" \
    "$(echo "$ours" | field routed_tokens_per_second) $(echo "$ours" | field llm_share)" \
    "$(echo "$ours" | field routed_overhead)" >>"$work/rows"
  echo "round $round of $rounds: $(tail -n 1 "$work/rows")" >&2
done

column() { awk "{ print $1 }" "$work/rows" | median; }
cat <<TABLE
SLM $slm, LLM $llm, $threads threads, medians of $rounds rounds, tokens/s

llama-bench, LLM alone     $(column '$1')
citer, LLM alone           $(column '$2')   beside llama-bench: $(column '$2 / $1')
citer, SLM alone           $(column '$3')
citer, plain routing       $(column '$4')   beside the LLM alone: $(column '$4 / $2'), LLM share $(column '$5')
routing beside its parts   $(column '$6')   (time / (t_SLM + p * t_LLM(catch-up)))
TABLE
