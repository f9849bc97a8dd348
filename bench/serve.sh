#!/usr/bin/env bash
# Load on citer serve and on llama-server with the same files, prompts and threads: the LLM alone, plain
# routing and speculative routing here, the LLM alone and with a draft model there. The models are the
# bundled pair padded to real models' shapes, or with --real the real pair, routed by confidence.
#
#   bench/serve.sh [--slm 135M] [--llm 1.7B] [--llm-type Q4_0] [--concurrency 1,4,8] [--requests 16] [--threads N]
#   bench/serve.sh --real [--threshold 0.6] [--concurrency 1,4,8] [--requests 16] [--threads N]
set -euo pipefail
cd "$(dirname "$0")/.."

slm=135M llm=1.7B llm_type=Q4_0 concurrency=1,4,8 requests=16 threads=$(nproc) real="" threshold=0.6
while [ $# -gt 0 ]; do
  case $1 in
    --real) real=1; shift; continue ;;
    --threshold) threshold=$2 ;;
    --slm) slm=$2 ;; --llm) llm=$2 ;; --llm-type) llm_type=$2 ;; --concurrency) concurrency=$2 ;;
    --requests) requests=$2 ;; --threads) threads=$2 ;;
    *) echo "bench: unknown option $1" >&2; exit 2 ;;
  esac
  shift 2
done
if [ -n "$real" ]; then
  pair=$(./dev real --where) work=build/bench slm='of the real pair' llm='of the real pair' llm_type=Q4_K_M
  mkdir -p "$work"
  slm_file=$pair/slm.gguf llm_file=$pair/llm.gguf routing=(--policy maxprob --threshold "$threshold")
else
  . bench/padded.sh
  routing=(--router "$router")
fi
command -v node >/dev/null || { echo "bench: node is needed to make load" >&2; exit 1; }

port=$((20000 + RANDOM % 20000))
# Runs a server and loads it: NAME COMMAND...
load() {
  local name=$1 pid
  shift
  "$@" >"$work/server.log" 2>&1 &
  pid=$!
  for _ in $(seq 600); do
    curl -sf "http://127.0.0.1:$port/health" >/dev/null && break
    sleep 0.2
  done
  echo "== $name"
  node bench/loadgen.mjs --url "http://127.0.0.1:$port" --prompts models/demo/data/math.test.jsonl \
    --concurrency "$concurrency" --requests "$requests" --max-tokens 96
  kill "$pid" && wait "$pid" 2>/dev/null || true
}
ours=(build/release/citer serve --port $port -np 8 -c 512 -t "$threads" -td "$threads"
  --slm "$slm_file" --llm "$llm_file")
theirs=(bench/llama-tool llama-server -m "$llm_file" --host 127.0.0.1 --port $port -np 8 -c 4096
  -t "$threads" -ngl 0)

echo "SLM $slm, LLM $llm $llm_type, $threads threads"
load 'llama-server, LLM alone' "${theirs[@]}"
load 'citer, LLM alone' "${ours[@]}" --policy llm
load 'citer, plain routing' "${ours[@]}" "${routing[@]}" --speculate off
load 'citer, speculative routing' "${ours[@]}" "${routing[@]}"
load 'llama-server, draft model (4 tokens)' "${theirs[@]}" -md "$slm_file" --spec-type draft-simple \
  --spec-draft-n-max 4 -td "$threads" -ngld 0
