#!/usr/bin/env bash
# What each choice in training a router is worth: routers for the bundled pair, trained on a part of
# its training files, one choice changed at a time, and the LLM share at which each reaches 99 % of
# the LLM's accuracy on the validation files (the test files are for final figures alone).
#
#   bench/router-choices.sh OUT [EXAMPLES-PER-FILE (600)] [WORKERS (2)]
#
# Takes about an hour of one core; an interrupted run goes on where it ended.
set -euo pipefail

if (($# < 1)); then
  sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
root=$(cd "$(dirname "$0")/.." && pwd)
citer=$root/build/release/citer data=$root/models/demo/data
mkdir -p "$1" && cd "$1"
limit=${2:-600} workers=${3:-2}
both=(--data "$data/math.train.jsonl" --data "$data/mc.train.jsonl")

train() { # NAME ROUNDS FLAGS
  local name=$1 rounds=$2
  shift 2
  [ -f "$name.gguf" ] ||
    "$citer" train --rounds "$rounds" --features hidden --limit "$limit" --workers "$workers" --out "$name.gguf" "$@" >"$name.log" 2>&1
}
retrain() { # NAME FLAGS: from preferences that are there
  local name=$1
  shift
  [ -f "$name.gguf" ] || "$citer" train --workers "$workers" --out "$name.gguf" "$@" >"$name.log" 2>&1
}
show() { # NAME WHAT: one row, after an evaluation of NAME.gguf
  [ -f "$1.eval/report.html" ] ||
    "$citer" eval --data "$data/math.valid.jsonl" --data "$data/mc.valid.jsonl" --limit 300 -t 1 \
      --slm "$root/models/demo/slm.gguf" --llm "$root/models/demo/llm.gguf" --router "$1.gguf" \
      --policies slm,llm,citer --budgets 0.02,0.03,0.05,0.08,0.12,0.2,0.35 --out "$1.eval" >"$1.table" 2>/dev/null
  awk -v what="$2" '$2 == "citer" && $1 == "all" && (NF == 13 || NF == 9) { all = $8; apgr = $3 }
    $2 == "citer" && $1 ~ /math/ && (NF == 13 || NF == 9) { math = $8 }
    $2 == "citer" && $1 ~ /mc/ && (NF == 13 || NF == 9) { mc = $8 }
    END { printf "| %s | %s %% | %s %% | %s %% | %s |\n", what, math, mc, all, apgr }' "$1.table"
}

echo '| router | math | mc | together | APGR |'
echo '|---|---|---|---|---|'
train base 2 "${both[@]}"
cp base.gguf.rounds/round-1/router.gguf one-round.gguf
show one-round 'one round'
show base 'two rounds (`--labels outcome --cost-weight 0.05 --features hidden`)'
for positions in 1 4 0; do
  train "positions-$positions" 1 "${both[@]}" --positions $positions
  show "positions-$positions" "one round, \`--positions $positions\`"
done
train continue-policy 2 "${both[@]}" --continue policy
show continue-policy '`--continue policy`'
[ -d three.gguf.rounds ] || cp -r base.gguf.rounds three.gguf.rounds
train three 3 "${both[@]}"
show three 'three rounds'
for labels in reward paper; do
  train "$labels" 2 "${both[@]}" --labels $labels
  show "$labels" "\`--labels $labels\`"
done
for weight in 0 0.5; do
  train "cost-$weight" 2 "${both[@]}" --cost-weight $weight
  show "cost-$weight" "\`--cost-weight $weight\`"
done
preferences=base.gguf.rounds/round-2/preferences.gguf
[ -f policy.gguf ] ||
  "$citer" collect --states policy --router base.gguf --limit "$limit" --workers "$workers" "${both[@]}" \
    --out policy-states.gguf >policy-states.log 2>&1
retrain policy --features hidden --preferences "$preferences" policy-states.gguf
show policy 'and states that the policy visits (`collect --states policy`)'
retrain confidence --preferences "$preferences" --features hidden+confidence
show confidence '`--features hidden+confidence`'
train math 2 --data "$data/math.train.jsonl"
show math 'trained on math alone'
train mc 2 --data "$data/mc.train.jsonl"
show mc 'trained on mc alone'
