#!/usr/bin/env python3
"""Judges known answers in ten renderings each, right and wrong, with citer and with math-verify.

    pip install math-verify
    bench/judge_matrix.py --citer build/release/citer MATH.jsonl... CHOICES.jsonl...

Files are datasets as `citer eval` reads them: {problem, solution} or {question, choices, answerKey}.
Prints, for each kind of rendering, how many are meant to be right, how many each judge holds for
right, where each is wrong, and where they part. Exits with 1 where citer is wrong.
"""
import argparse
import collections
import json
import random
import re
import subprocess
import sys
import tempfile

from math_verify import ExprExtractionConfig, LatexExtractionConfig, StringExtractionConfig, parse, verify


def grouped(n):
    return f"{n:,}".replace(",", "{,}")


def math_renderings(gold, rng):
    """(kind, text, right) of a whole number."""
    n = int(gold)
    part = rng.randint(1, 99)
    days = rng.choice([k for k in range(2, 9) if k != n])
    yield "boxed", f"First there are {part}. So it is $\\boxed{{{n}}}$.", True
    yield "announced", f"The answer is {n:,} dollars because {part} + {n - part} = {n}.", True
    yield "fraction", f"$\\boxed{{\\frac{{{2 * n}}}{{2}}}}$", True
    yield "sum", f"$\\boxed{{{n - part} + {part}}}$", True
    yield "separators", f"It took {days} days. $\\boxed{{{grouped(n)}.0}}$", True
    yield "concluded", f"It took {days} days. So she has {n} of them.", True
    yield "off by one", f"The answer is {n + 1:,} dollars, not less.", False
    yield "scaled", f"$\\boxed{{{n} \\times 10^{{{1 if n else 0}}} + 1}}$", False
    yield "half more", f"$\\boxed{{\\frac{{{2 * n + 1}}}{{2}}}}$", False
    yield "other sum", f"$\\boxed{{{n - part} + {part + 1}}}$", False


def choice_renderings(choices, gold, rng):
    """(kind, text, right) of a labelled choice."""
    texts = dict(choices)
    other = rng.choice([label for label, text in choices if text.lower() != texts[gold].lower()])
    yield "announced", f"The answer is ({gold}).", True
    yield "text", f"So the answer is {texts[gold]}.", True
    yield "lower case", gold.lower(), True
    yield "json", json.dumps({"answer": gold}), True
    yield "because", f"It's {gold} because the others do not fit.", True
    yield "question", f"Is it {other}? No. {gold} fits.", True
    yield "not the other", f"It is not ({other}). The answer is {gold}.", True
    yield "other", f"The answer is ({other}).", False
    yield "other text", f"So the answer is {texts[other]}.", False
    yield "other last", f"At first ({gold}) looks right. So the answer is {other}.", False


def records(path, rng):
    """Judge records with their kind and what they are meant to be."""
    for line in open(path, encoding="utf-8"):
        record = json.loads(line)
        if "choices" in record:
            choices = list(zip(record["choices"]["label"], record["choices"]["text"]))
            gold = record["answerKey"]
            for kind, text, right in choice_renderings(choices, gold, rng):
                yield {"data": "mc", "gold": gold, "choices": choices, "text": text}, kind, right
        else:
            gold = re.findall(r"\\boxed\{([^{}]*)\}", record["solution"])[-1].replace(",", "")
            for kind, text, right in math_renderings(gold, rng):
                yield {"data": "math", "gold": gold, "text": text}, kind, right


def second_judge(record):
    if record["data"] == "math":
        config = [LatexExtractionConfig(), ExprExtractionConfig()]
        gold = parse(f"${record['gold']}$", extraction_config=config)
    else:
        labels = tuple(label for label, _ in record["choices"])
        config = [StringExtractionConfig(strings=labels)]
        gold = parse(record["gold"], extraction_config=config)
    return bool(verify(gold, parse(record["text"], extraction_config=config)))


def first_judge(citer, items):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        for record, _, _ in items:
            file.write(json.dumps(record) + "\n")
        file.flush()
        out = subprocess.run([citer, "judge", "--data", file.name], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    return [json.loads(line)["correct"] for line in out.splitlines()]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--citer", required=True)
    arguments.add_argument("data", nargs="+")
    flags = arguments.parse_args()
    rng = random.Random(16)
    items = [item for path in flags.data for item in records(path, rng)]
    ours = first_judge(flags.citer, items)
    rows = collections.defaultdict(collections.Counter)
    for (record, kind, right), first in zip(items, ours):
        second = second_judge(record)
        row = rows[record["data"], kind]
        row["n"] += 1
        row["meant"] += right
        for name, judged in (("citer", first), ("second", second)):
            row[f"{name} false right"] += judged and not right
            row[f"{name} false wrong"] += right and not judged
        row["part"] += first != second
    columns = ["n", "meant", "citer false right", "citer false wrong", "second false right",
               "second false wrong", "part"]
    print("| data | kind | " + " | ".join(columns) + " |")
    print("|" + "---|" * (len(columns) + 2))
    total = collections.Counter()
    for (data, kind), row in rows.items():
        print(f"| {data} | {kind} | " + " | ".join(str(row[c]) for c in columns) + " |")
        total.update(row)
    print("| all | | " + " | ".join(str(total[c]) for c in columns) + " |")
    return 1 if total["citer false right"] + total["citer false wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
