#!/usr/bin/env bash
# Stops each long command at random moments, by SIGKILL, SIGTERM and SIGINT in turn, and starts it again:
# it must end with what an undisturbed run ends with. On the bundled pair, with a few examples.
#   tests/faults/stop.sh PROGRAM [--times N]    N stops of each command (default 3)
set -euo pipefail

program=$(readlink -f "${1:?stop.sh: name the program citer}") times=3
[ "${2:-}" != --times ] || times=${3:?--times: a number}
data=$(cd "$(dirname "$0")/../.." && pwd)/models/demo/data
work=$(mktemp -d "${TMPDIR:-/tmp}/citer-stop.XXXXXX")
trap 'rm -rf "$work"' EXIT
RANDOM=18

die() { echo "stop.sh: $*" >&2; exit 1; }

collect() { ${how:-} "$program" collect --data "$data/mc.train.jsonl" --limit 96 --workers 2 --out "$1/preferences.gguf"; }
train() {
  ${how:-} "$program" train --data "$data/mc.train.jsonl" --limit 48 --valid "$work/valid.jsonl" --rounds 2 --epochs 3 --folds 4 \
    --out "$1/router.gguf"
}
evaluate() {
  ${how:-} "$program" eval --data "$data/math.valid.jsonl" --limit 40 --policies slm,maxprob --budgets 0.1,0.3 --out "$1/report"
}
calibrate() {
  ${how:-} "$program" calibrate --router "$data/../router-citer.gguf" --data "$data/mc.valid.jsonl" --limit 48 --workers 2 \
    --out "$1/router.gguf"
}
head -n 16 "$data/mc.valid.jsonl" >"$work/valid.jsonl"

# What a command leaves, but for what a clock measured.
result() {
  case $1 in
    collect) sha256sum <"$2/preferences.gguf" ;;
    train | calibrate) sha256sum <"$2/router.gguf" ;;
    evaluate) sed -E 's/"(wall_seconds|tokens_per_second|latency_p[0-9]+)": *[-+.0-9e]+//g' "$2/report/summary.json" | sha256sum ;;
  esac
}

# Runs a command, and stops it by a signal after so many seconds; whether it was still running.
stopped() {
  local signal=$1 seconds=$2 status=0 child
  # With jobs under control: else a shell lets what is in the background ignore SIGINT.
  set -m
  how=exec "${@:3}" >"$work/log" 2>&1 &
  child=$!
  set +m
  sleep "$seconds"
  kill -"$signal" -- "-$child" 2>/dev/null || { wait "$child"; return 1; }
  { wait "$child"; } 2>/dev/null || status=$?
  case $signal:$status in
    # A signal that comes before the work has begun just ends the program.
    KILL:137 | TERM:143 | *:130) return 0 ;;
    *:0) return 1 ;;
    *) cat "$work/log" >&2; die "${*:3}: status $status after SIG$signal" ;;
  esac
}

for command in collect train calibrate evaluate; do
  whole=$work/$command-whole torn=$work/$command-torn stops=0 attempts=0
  mkdir -p "$whole" "$torn"
  begun=$(date +%s%N)
  "$command" "$whole" >/dev/null 2>&1
  took=$((($(date +%s%N) - begun) / 1000000))
  while ((stops < times && attempts++ < 5 * times)); do
    signals=(KILL TERM INT)
    milliseconds=$((took * (5 + RANDOM % 60) / 100))
    if stopped "${signals[stops % 3]}" "$(printf '%d.%03d' $((milliseconds / 1000)) $((milliseconds % 1000)))" \
      "$command" "$torn"; then
      stops=$((stops + 1))
    else
      rm -rf "$torn" && mkdir "$torn"
    fi
  done
  ((stops > 0)) || die "$command ended before it could be stopped"
  "$command" "$torn" >/dev/null 2>"$work/log" || { cat "$work/log" >&2; die "$command: does not go on"; }
  [ "$(result "$command" "$torn")" = "$(result "$command" "$whole")" ] || die "$command: another result after $stops stops"
  echo "$command: the same after $stops stops"
done
