#!/usr/bin/env bash
# Makes the bundled pair's routers again: collection and training in three rounds (about fifteen minutes on
# two cores), then the three baselines on the same preferences.
#
#   models/demo/make-routers.sh CITER OUT
#
# CITER is the built program (build/release/citer). An interrupted run goes on where it ended. Copy
# OUT/router-*.gguf into models/demo by hand.
set -euo pipefail

if (($# != 2)); then
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
mkdir -p "$2"
"$1" train --rounds 3 --features hidden --slm-answers --folder "$2/rounds" --out "$2/router-citer.gguf"
for policy in citer-s co-llm query; do
  "$1" train --policy $policy --features hidden --preferences "$2/rounds/round-3/preferences.gguf" \
    --out "$2/router-$policy.gguf"
done
