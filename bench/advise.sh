#!/usr/bin/env bash
# advise.sh [-m LLM -md SLM]...: whether `citer advise` predicts what is then measured. On the given pair (default:
# the bundled one), idle and with one core busy, it predicts each way to run the pair, runs it, and prints how far off
# it was; the exit status is 1 where one is off by more than 15 %.
set -euo pipefail
citer=$(dirname "$0")/../build/release/citer
readonly most_off=0.15

check() {
  printf '== %s\n' "$1"
  shift
  "$citer" advise --check --json -n 32 --limit 3 --rounds 8 --shares 0.1,0.3 "$@" 2>/dev/null |
    python3 -c '
import json, sys
advice, most = json.load(sys.stdin), float(sys.argv[1])
ways = [advice[key] for key in ("llm_alone", "slm_alone", "speculative_decoding")]
worst = 0
for way in ways + advice["confidence"] + advice["router"]:
    predicted, measured = way["tokens_per_second"], way["measured_tokens_per_second"]
    off = predicted["value"] / measured - 1
    worst = max(worst, abs(off))
    print("%-12s share %3.0f %%, %d pending: predicted %6.1f [%.1f, %.1f], measured %6.1f tokens/s, off by %+.0f %%" % (
        way["policy"], 100 * way["llm_share"], way["pending_tokens"], predicted["value"], predicted["low"],
        predicted["high"], measured, 100 * off))
print("worst: off by %.0f %%" % (100 * worst))
sys.exit(worst > most)' "$most_off"
}

status=0
check "idle" "$@" || status=1
(while :; do :; done) &
busy=$!
trap 'kill "$busy"' EXIT
check "one core busy" "$@" || status=1
exit "$status"
