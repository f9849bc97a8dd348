#!/usr/bin/env bash
# Makes the figures of README and docs anew, and prints each under the command that made it.
#
#   bench/figures.sh bundled|routers|judge|speed|real|all [OUT (build/figures)]
#
# bundled  docs/evaluation.md's tables of the bundled pair, models/demo's, docs/training.md's of promises (an hour
#          of one core, and more)
# routers  docs/training.md's bundled routers and what each choice buys (an hour and more)
# judge    docs/answers.md's; the cases come from CITER_JUDGE_DATA, a folder with gsm8k_boxed_400.jsonl and
#          commonsenseqa_400.jsonl, and CITER_MATH_VERIFY, a checkout
# speed    docs/benchmarks.md's of the padded pair, the replayed gate, the router's cost, collection;
#          docs/deployment.md's
# real     docs/benchmarks.md's of the real pair (./dev real fetches it), and docs/evaluation.md's, with the folder of
#          CITER_JUDGE_DATA (hours on a CPU)
#
# What is made is kept in OUT, a file each: an interrupted run goes on where it ended, and a file that is
# removed is made anew. Speed is measured: leave the machine to it.
set -euo pipefail

what=${1:-}
case $what in
  bundled | routers | judge | speed | real | all) ;;
  *)
    sed -n '2,18s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
cd "$(dirname "$0")/.."
mkdir -p "${2:-build/figures}"
out=$(cd "${2:-build/figures}" && pwd)
citer=build/release/citer demo=models/demo

figure() { # NAME COMMAND...: prints what the command prints, now or before
  local name=$1
  shift
  printf '\n== %s\n\n    %s\n\n' "$name" "$*"
  if [ ! -f "$out/$name.txt" ]; then
    "$@" >"$out/$name.part" 2>"$out/$name.log" || {
      printf 'figures: %s failed; %s says why\n' "$name" "$out/$name.log" >&2
      exit 1
    }
    mv "$out/$name.part" "$out/$name.txt"
  fi
  cat "$out/$name.txt"
}

bundled() {
  evaluate() { figure "$1" $citer eval --limit 500 --policies "$2" --budgets "$3" --out "$out/$1"; }
  evaluate citer slm,llm,citer 0.02,0.03,0.05,0.07,0.1,0.2,0.4
  evaluate routers slm,llm,citer-s,co-llm,query 0.03,0.05,0.07,0.1,0.2,0.4
  evaluate confidence slm,llm,maxprob,margin,entropy,random 0.03,0.05,0.07,0.2,0.4
  figure shapes bench/seen_shapes.py "$out/citer"
  figure promises bench/promise_sim.py "$out/citer"
  figure promises-95 bench/promise_sim.py "$out/citer" --accuracy 0.95
  figure pair build/release/models/demo/citer-demo report --slm $demo/slm.gguf --llm $demo/llm.gguf --data $demo/data
}

routers() {
  for policy in citer citer-s co-llm query; do
    figure "router-$policy" $citer inspect $demo/router-$policy.gguf
  done
  figure router-choices bench/router-choices.sh "$out/choices" 600 1
}

judge() {
  local data=${CITER_JUDGE_DATA:?names no folder} checkout=${CITER_MATH_VERIFY:?names no checkout}
  figure judge-matrix bench/judge_matrix.py --citer $citer "$data/gsm8k_boxed_400.jsonl" "$data/commonsenseqa_400.jsonl"
  figure judge-suite bench/judge_suite.py --citer $citer "$checkout"
}

speed() {
  figure one-sequence bench/run.sh --llm-type Q4_0 --rounds 3 --limit 6
  for pending in 1 8; do
    figure passes-$pending $citer eval --data $demo/data/math.test.jsonl --data $demo/data/mc.test.jsonl --limit 300 \
      --policies citer,maxprob --thresholds 0.9932,0.998425 --speculate $pending --parallel 1 -t 1 -fa off \
      --out "$out/passes-$pending"
  done
  figure other-machine $citer bench --model-hardware bench/hardware/gpu-1tb.json
  figure network $citer bench --model-hardware bench/hardware/network-llm.json
  figure many-users bench/serve.sh --requests 12 --concurrency 1,2,4,8,16
  figure remote bench/remote.py --answers 6
  figure gate build/release/tests/decode_tests --gtest_filter='Gate.*'
  router_cost 0.5B --like 0.5B
  router_cost 1.5B --embd 1536 --layers 28 --heads 12 --kv-heads 2 --head-dim 128 --ff 8960 --type Q8_0
  for afresh in '' --afresh; do
    figure "collection$afresh" build/release/citer-bench-collect --slm $demo/slm.gguf --llm $demo/llm.gguf \
      --data $demo/data/math.train.jsonl --data $demo/data/mc.train.jsonl --limit 40 --workers 1 $afresh
  done
}

router_cost() { # NAME SHAPE...
  local padded=$out/slm-$1.gguf name=$1
  shift
  figure "padded-$name" build/release/citer-inflate $demo/slm.gguf "$padded" "$@"
  figure "router-cost-$name" build/release/citer-bench-router "$padded" -t 1
}

real() {
  local pair
  pair=$(./dev real --where)
  figure host-time bench/host_time.py "$pair/llm.gguf" "$pair/slm.gguf" --citer $citer --sequences 1 8 32
  figure first-token bench/first_token.py "$pair/llm.gguf" "$pair/slm.gguf" --lengths 100 1000 --rounds 2
  figure advice $citer advise -m "$pair/llm.gguf" -md "$pair/slm.gguf" --check
  local data=${CITER_JUDGE_DATA:-}
  [ -n "$data" ] || return 0
  figure csqa-prompts bench/csqa_prompts.py "$data/commonsenseqa_400.jsonl"
  cp "$out/csqa-prompts.txt" "$out/csqa_test.jsonl"
  answers "$pair" csqa --data "$out/csqa_test.jsonl" --limit 100 -n 256 -np 8 -c 512 -t 1 -td 1 --thresholds 0.3237,0.467
  answers "$pair" gsm8k --data "$data/gsm8k_boxed_400.jsonl" --limit 256 -n 400 -np 64 -c 1024 --thresholds 0.557,0.7,0.908
  figure promises-gsm8k bench/promise_sim.py "$out/gsm8k" --policy maxprob --accuracy 0.75
}

answers() { # FOLDER-OF-THE-PAIR NAME FLAGS...
  figure "$2" $citer eval -m "$1/llm.gguf" -md "$1/slm.gguf" "${@:3}" --policies slm,llm,maxprob --out "$out/$2"
}

if [ "$what" = all ]; then
  bundled
  routers
  judge
  speed
  real
else
  "$what"
fi
