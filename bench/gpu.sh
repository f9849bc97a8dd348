#!/usr/bin/env bash
# One pair's speed on a GPU that is there for a quarter of an hour: the SLM alone, the LLM alone and routing at
# a share of 10 %, at 1, 16 and 64 sequences, for LLMs of three sizes, with the share of the wall time that
# passes inside the models, and with rows of logits read by the host for comparison. Nothing is built there.
#
#   bench/gpu.sh pack FOLDER [LIBRARY...]   here, after a build: lays out in FOLDER what the machine needs, with
#                                           this script; libggml-cuda.so and what it needs go along if named
#   FOLDER/gpu.sh [OPTIONS]                 there (or bench/gpu.sh, in a tree that is built): measures
#
#   --seconds N      time that there is in all (780): what does not fit any more is left out
#   --sequences LIST 1,16,64     --tokens N  written per sequence (128)     --share S  of the LLM (0.1)
#   --policy P       instead of random:S     --device D  (default: all there are)
#   --slm ARGS       shape of the SLM as citer-inflate takes it; --llm ARGS: of an LLM, once for each
#   --slm-file F --llm-file F   a real pair instead
#   --tiny           the bundled pair as it is, on the CPU: shows that all of this runs
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
die() { echo "gpu.sh: $*" >&2; exit 1; }

if [ "${1-}" = pack ]; then
  cd "$here/.."
  folder=${2:?gpu.sh pack: name a folder}
  cmake --install build/release --prefix "$folder/citer" --component program >/dev/null
  runtime=$(find "$folder/citer" -name runtime -type d | head -n 1)
  [ -n "$runtime" ] || die "pack: citer was not built against the private prefix (docs/building.md)"
  cp build/release/citer-inflate "$(dirname "$runtime")/"
  for library in "${@:3}"; do
    case $library in
      */libggml-*) cp -L "$library" "$runtime"/ggml/backends*/ ;;
      *) cp -L "$library" "$runtime/" ;;
    esac
  done
  cp "$0" "$folder/gpu.sh"
  du -sh "$folder" >&2
  exit
fi

seconds=780 sequences=1,16,64 tokens=128 share=0.1 policy='' device=() slm_file='' llm_file='' tiny=''
slm='--like 0.5B --vocab 151936'
llms=()
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=$2 ;; --sequences) sequences=$2 ;; --tokens) tokens=$2 ;; --share) share=$2 ;;
    --policy) policy=$2 ;; --device) device=(-dev "$2" -devd "$2") ;; --slm) slm=$2 ;; --llm) llms+=("$2") ;;
    --slm-file) slm_file=$2 ;; --llm-file) llm_file=$2 ;;
    --tiny) tiny=1; shift; continue ;;
    *) die "unknown option $1" ;;
  esac
  shift 2
done
: "${policy:=random:$share}"
# Of about 3, 10 and 20 times an SLM's cost where passes are bound by memory: 4, 15 and 40 GB beside 0.5.
[ ${#llms[@]} -gt 0 ] || llms=('--like 7B --kv-heads 8 --type Q4_0 --vocab 151936'
  '--embd 5120 --layers 48 --heads 40 --kv-heads 8 --head-dim 128 --ff 13824 --type Q8_0 --vocab 151936'
  '--embd 8192 --layers 80 --heads 64 --kv-heads 8 --head-dim 128 --ff 28672 --type Q4_0 --vocab 151936')
if [ -n "$tiny" ]; then
  slm='--type Q8_0' llms=('--type Q8_0' '--type F16') tokens=16 sequences=1,4
  device=(-dev none -devd none)
fi

# The programs: packed beside this script, with their libraries and a loader, or built in this tree.
start=() programs=$here/../build/release data=$here/../models/demo
if [ -d "$here/citer" ]; then
  programs=$(dirname "$(find "$here/citer" -name runtime -type d | head -n 1)")
  driver=$(ldconfig -p | awk '/libcuda.so.1/ { print $NF; exit }')
  [ -n "$driver" ] || driver=$(find /usr -name libcuda.so.1 2>/dev/null | head -n 1)
  start=("$programs"/runtime/ld-linux*.so.* --library-path "$programs/runtime:$(dirname "${driver:-/}")")
  data=$here/citer/share/citer
  CITER_BACKEND_DIR=$(echo "$programs"/runtime/ggml/backends*)
  export CITER_BACKEND_DIR CITER_MODEL_DIR=$data
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/citer-gpu.XXXXXX")
trap 'rm -rf "$work"' EXIT
deadline=$((SECONDS + seconds))
left() { echo $((deadline > SECONDS ? deadline - SECONDS : 1)); }
citer() { timeout "$(left)" "${start[@]}" "$programs/citer" "$@"; }

inflate() { # FROM TO SHAPE
  # shellcheck disable=SC2086 # a shape is several words
  timeout "$(left)" "${start[@]}" "$programs/citer-inflate" "$data/$1.gguf" "$work/$2.gguf" $3 \
    >"$work/$2.log" 2>&1 || { tail -n 1 "$work/$2.log" >&2; return 1; }
}

# N answers at once: N FLAGS... prints "wall tokens LLM's-tokens seconds-in-models". As many before them
# are not counted: a process's first passes load the kernels that they need.
measure() {
  local n=$1 prompts=$work/prompts-$BASHPID
  head -n "$((2 * n))" "$data/data/math.test.jsonl" >"$prompts"
  citer generate --slm "$slm_file" --llm "$llm_now" "${device[@]}" -c 512 -np "$n" --prompts "$prompts" \
    --ignore-eos -n "$tokens" --speculate off "${@:2}" 2>"$prompts.log" >"$prompts.answers" ||
    { tail -n 2 "$prompts.log" >&2; return 1; }
  # Answers begin together: the last to end says how long it took. Passes' times are divided among them.
  tail -n "$n" "$prompts.answers" | awk '
    function field(name) {
      if (!match($0, "\"" name "\":[-+.0-9eE]+")) return 0
      return substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
    }
    { s = field("seconds") + 0; if (s > wall) wall = s
      slm += field("slm_tokens"); llm += field("llm_tokens"); models += field("slm_seconds") + field("llm_seconds") }
    END { print wall, slm + llm, llm, models }'
}

# Prints a line of the table and keeps the LLM's speed: NAME N FLAGS...
line() {
  local name=$1 n=$2 result begun=$SECONDS wall all by_llm inside
  if (($(left) <= last)); then echo "$name, $n sequences: left out, no time" >&2; return; fi
  result=$(measure "$n" "${@:3}") || { echo "$name, $n sequences: failed" >&2; return; }
  last=$((SECONDS - begun))
  read -r wall all by_llm inside <<<"$result"
  [ "$name" != 'LLM alone' ] || alone[n]=$(awk "BEGIN { print $all / $wall }")
  awk -v name="$name" -v n="$n" -v wall="$wall" -v all="$all" -v llm="$by_llm" -v inside="$inside" \
    -v alone="${alone[n]:-0}" 'BEGIN {
      printf "| %s | %d | %.1f | %s | %.1f %% | %.0f %% | %.3f |\n", name, n, all / wall,
        (alone > 0 ? sprintf("%.2f", all / wall / alone) : ""), 100 * llm / all, 100 * inside / wall,
        1e3 * (wall - inside) / all }'
}

card=$(command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name --format=csv,noheader | head -n 1 || echo 'no NVIDIA card')
echo "$card, $(nproc) cores, $(citer --version); $tokens tokens a sequence"
last=1 llm_now=$data/llm.gguf
# The first process that uses a card fills its driver's cache, while weights are made.
(slm_file=$data/slm.gguf measure 1 --policy "$policy" >/dev/null) &
warm=$!
if [ -n "$llm_file" ]; then llms=(real); fi
prepare() { [ -n "$llm_file" ] || inflate llm "llm-$1" "${llms[$1]}"; }
[ -n "$slm_file" ] || { inflate slm slm "$slm" && slm_file=$work/slm.gguf; }
prepare 0
wait "$warm"
for ((i = 0; i < ${#llms[@]}; ++i)); do
  llm_now=${llm_file:-$work/llm-$i.gguf} alone=()
  if ((i + 1 < ${#llms[@]})); then prepare $((i + 1)) & next=$!; fi
  echo
  echo "SLM ${slm_file##*/} ($slm), LLM ${llms[i]} ($(du -h "$llm_now" | cut -f 1)), routing by $policy"
  echo
  echo '| | sequences | tokens/s | beside the LLM alone | LLM share | inside the models | outside, ms a token |'
  echo '|---|---|---|---|---|---|---|'
  for n in ${sequences//,/ }; do
    line 'LLM alone' "$n" --policy llm
    ((i > 0)) || line 'SLM alone' "$n" --policy slm
    line 'routing' "$n" --policy "$policy"
    ((i > 0)) || line 'routing, rows read by the host' "$n" --policy "$policy" --row-reading host
  done
  ((i + 1 == ${#llms[@]})) || wait "$next" || break
  [ -n "$llm_file" ] || rm -f "$llm_now"
done
