#!/usr/bin/env python3
"""Judges the cases of math-verify's own tests with citer.

    pip install math-verify
    bench/judge_suite.py --citer build/release/citer MATH_VERIFY_CHECKOUT [--show]

A case is a gold text, a text to judge and whether they say the same. The gold answer is what citer
extracts from the gold text. A text that is a bare formula is judged after "The answer is". Left out:
test_yujianll.py, whose cases are about the extraction of strings.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import sys
import tempfile
import types

FILES = ["test_all", "test_boxed", "test_numina_cases", "test_open_thoughts", "test_strict"]


class Mark:
    """Stands for pytest.mark: keeps the values of parametrized tests."""

    def __init__(self):
        self.cases = []

    def parametrize(self, names, values, **_):
        names = [name.strip() for name in names.split(",")] if isinstance(names, str) else names
        self.cases += [dict(zip(names, value)) for value in values if isinstance(value, tuple)]
        return lambda function: function

    def __getattr__(self, name):
        return lambda *arguments, **_: arguments[0] if arguments else (lambda function: function)


def cases_of(checkout):
    pytest = types.ModuleType("pytest")
    pytest.mark = Mark()
    pytest.raises = pytest.fixture = None
    shared = types.ModuleType("tests.test_all")
    shared.compare_strings = None
    sys.modules.update({"pytest": pytest, "tests": types.ModuleType("tests"), "tests.test_all": shared})
    for name in FILES:
        path = pathlib.Path(checkout) / "tests" / f"{name}.py"
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), {"__name__": name})
    for case in pytest.mark.cases:
        gold, text = case.get("gold"), case.get("pred")
        if isinstance(gold, str) and isinstance(text, str):
            yield gold, text, bool(case["expected"])


def marked(text):
    formula = text.strip().startswith(("$", "\\(", "\\["))
    bare = formula and "boxed" not in text and "answer" not in text.lower()
    return "The answer is " + text if bare else text


def judge(citer, records):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        for gold, text in records:
            file.write(json.dumps({"data": "math", "gold": gold, "text": marked(text)}) + "\n")
        file.flush()
        out = subprocess.run([citer, "judge", "--data", file.name], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    return [json.loads(line) for line in out.splitlines()]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--citer", required=True)
    arguments.add_argument("--show", action="store_true", help="print where citer is wrong")
    arguments.add_argument("checkout")
    flags = arguments.parse_args()
    cases = list(cases_of(flags.checkout))
    golds = [found["answer"] for found in judge(flags.citer, [("0", gold) for gold, _, _ in cases])]
    kept = [(gold, text, same) for gold, (_, text, same) in zip(golds, cases) if gold]
    results = judge(flags.citer, [(gold, text) for gold, text, _ in kept])
    counts = collections.Counter()
    for (gold, text, same), result in zip(kept, results):
        counts[same, result["correct"]] += 1
        if flags.show and result["correct"] != same:
            print(json.dumps({"gold": gold, "text": text[-200:], "same": same, **result}))
    print(f"{len(cases)} cases, {len(kept)} with a gold answer")
    for same in (True, False):
        print(f"said to be {'the same' if same else 'different'}: citer holds "
              f"{counts[same, True]} for right, {counts[same, False]} for wrong")


if __name__ == "__main__":
    main()
