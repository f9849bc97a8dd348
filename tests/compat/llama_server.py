"""Runs the tests of llama-server, from a checkout of llama.cpp, against `citer serve`, and prints tables.

Ends with 1 where a test fails for a reason that llama_server_rules.py does not know.
"""

import ast
import collections
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from citer_server import HERE, table
from llama_server_rules import known_failure, of_their_model

SCRATCH = HERE.parents[1] / "build" / "compat" / "llama_server"


class LeaveOut(ast.NodeTransformer):
    """Takes assertions about their model out of a module."""

    def __init__(self):
        self.reasons = collections.Counter()

    def visit_Assert(self, node):
        reason = of_their_model(ast.unparse(node.test))
        if not reason:
            return node
        self.reasons[reason] += 1
        return ast.copy_location(ast.Pass(), node)


def copy_tests(checkout):
    """The tests under SCRATCH, where their paths to templates lead to; how many assertions are left out."""
    tree = SCRATCH / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    tests = tree / "tools" / "server" / "tests"
    shutil.copytree(checkout / "tools" / "server" / "tests", tests)
    (tree / "models").symlink_to(checkout / "models")
    reasons = collections.Counter()
    for path in (tests / "unit").glob("*.py"):
        leave_out = LeaveOut()
        module = leave_out.visit(ast.parse(path.read_text()))
        path.write_text(ast.unparse(module))
        reasons += leave_out.reasons
    return tests, reasons


def run(tests):
    """{test: (outcome, reason)}"""
    results = SCRATCH / "results.json"
    results.unlink(missing_ok=True)
    environment = os.environ | {"PYTHONPATH": str(HERE), "CITER_COMPAT_SCRATCH": str(SCRATCH)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "llama_server_plugin", "--rootdir", tests, "unit"]
    with (SCRATCH / "log").open("w") as log:
        subprocess.run(command, cwd=tests, env=environment, stdout=log, stderr=subprocess.STDOUT)
    if not results.exists():
        sys.exit(f"llama_server.py: pytest did not end; see {SCRATCH / 'log'}")
    return {test.removeprefix("unit/"): tuple(result) for test, result in json.loads(results.read_text()).items()}


def print_tables(results, left_out):
    files = collections.defaultdict(collections.Counter)
    failures = collections.defaultdict(list)
    others = collections.Counter()
    for test, (outcome, reason) in results.items():
        file = test.split("::")[0]
        files[file][outcome] += 1
        if outcome == "failed":
            failures[known_failure(test) or f"**unknown**: {reason}"].append(test.split("::")[1])
        elif outcome == "n/a":
            others[reason] += 1
    outcomes = ["passed", "failed", "n/a"]
    rows = [[f"`{file}`", *(counts[o] for o in outcomes)] for file, counts in sorted(files.items())]
    total = ["together", *(sum(counts[o] for counts in files.values()) for o in outcomes)]
    print(table(["file", *outcomes], [*rows, total]), end="\n\n")
    print(table(["fails since", "tests"], [[r, ", ".join(f"`{t}`" for t in tests)] for r, tests in failures.items()]), end="\n\n")
    print(table(["does not apply", "tests"], others.most_common()), end="\n\n")
    print(table(["of their model, left out", "assertions"], left_out.most_common()))
    return any(reason.startswith("**unknown") for reason in failures)


def main():
    tests, left_out = copy_tests(Path(sys.argv[1]))
    sys.exit(1 if print_tables(run(tests), left_out) else 0)


main()
