#!/usr/bin/env bash
# What clients made for others find when they talk to `citer serve` on the bundled pair, as a table.
#   tests/compat/run.sh --llama-cpp DIR [--program PATH]    the tests of llama-server, from a checkout of llama.cpp
#   tests/compat/run.sh --clients [--program PATH]          official clients in Python
# Each installs what it needs into build/compat from the package index that pip is configured for.
set -euo pipefail
cd "$(dirname "$0")/../.."

die() { echo "run.sh: $*" >&2; exit 1; }
usage() { sed -n '2,5s/^# *//p' "$0"; exit "$1"; }

checkout="" what="" program=build/release/citer
while [ $# -gt 0 ]; do
  case $1 in
    --llama-cpp) what=llama_server checkout=$(readlink -f "${2:?--llama-cpp: name a checkout}"); shift ;;
    --clients) what=clients ;;
    --program) program=${2:?--program: name the program citer}; shift ;;
    --help) usage 0 ;;
    *) usage 2 >&2 ;;
  esac
  shift
done
[ -n "$what" ] || usage 2 >&2
[ -x "$program" ] || die "no program at $program; build it (./dev build), or name it by --program"

work=build/compat/$what
mkdir -p "$work"
# A requirement that cannot be installed leaves out its own client alone, which the table then says.
python3 -m venv "$work/venv"
requirements=tests/compat/$what.txt
[ -z "$checkout" ] || requirements=$checkout/tools/server/tests/requirements.txt
[ -f "$requirements" ] || die "$checkout is no checkout of llama.cpp: no tools/server/tests/requirements.txt in it"
while read -r requirement; do
  "$work/venv/bin/pip" install --quiet "$requirement" || echo "run.sh: $requirement cannot be installed" >&2
done < <(grep -v '^#' "$requirements")

export PYTHONDONTWRITEBYTECODE=1 CITER_PROGRAM; CITER_PROGRAM=$(readlink -f "$program")
exec "$work/venv/bin/python" "tests/compat/$what.py" ${checkout:+"$checkout"}
