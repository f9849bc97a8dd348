#!/usr/bin/env bash
# Makes the bundled pair again, end to end: vocabulary, data, both models, report.
#
#   models/demo/make.sh CITER_DEMO OUT            all of it; the LLM takes 20 to 30 minutes on two cores
#   models/demo/make.sh CITER_DEMO OUT --smoke    a few steps of each part, in seconds
#
# CITER_DEMO is the built program (build/release/models/demo/citer-demo). Everything is written to
# the folder OUT; a training that was interrupted goes on from its checkpoint there. Copy what is
# to be shipped (vocab.txt, data, slm.gguf, llm.gguf) into models/demo by hand.
set -euo pipefail

if (($# < 2)) || (($# > 3)) || [[ ${3:---smoke} != --smoke ]]; then
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
program=$(realpath "$1")
mkdir -p "$2/data"
cd "$2"

seed=20260
train=() data=() report=()
if [[ ${3:-} == --smoke ]]; then
  train=(--steps 3 --batch-tokens 256 --embed 32 --heads 2 --ff 64 --layers 1)
  data=(--math-train 20 --math-valid 10 --math-test 10)
  report=(--limit 2 --thresholds 0.9)
fi

"$program" vocab --out vocab.txt
"$program" data --out data --seed $seed "${data[@]}"
"$program" train slm --vocab vocab.txt --data data --checkpoint slm.ck --seed $seed -t 1 "${train[@]}"
"$program" train llm --vocab vocab.txt --data data --checkpoint llm.ck --seed $seed -t 2 "${train[@]}"
for model in slm llm; do
  "$program" gguf --checkpoint $model.ck --vocab vocab.txt --name "citer-demo-$model" --type f32 \
    --out $model.gguf
done
"$program" report --slm slm.gguf --llm llm.gguf --data data --json report.json "${report[@]}" \
  | tee report.md
