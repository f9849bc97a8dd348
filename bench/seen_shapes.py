#!/usr/bin/env python3
"""Which of the bundled math test problems equal a training one up to names, pronouns and numbers.

    bench/seen_shapes.py [EVAL_FOLDER]            # their share; with a folder of `citer eval` what it had right of each kind
    bench/seen_shapes.py --unseen > unseen.jsonl  # the test problems whose shape no training problem has
"""
import argparse
import collections
import json
import pathlib
import re
import sys

DATA = pathlib.Path(__file__).parent.parent / "models" / "demo" / "data"


def records(split):
    return [json.loads(line) for line in open(DATA / f"math.{split}.jsonl", encoding="utf-8")]


def names_in(problems):
    """Words that are never written small, days of the week included."""
    text = " ".join(problem["problem"] for problem in problems)
    small = set(re.findall(r"\b[a-z]+\b", text))
    large = set(re.findall(r"\b[A-Z][a-z]+\b", text))
    return {word for word in large if word.lower() not in small} - {"How", "It"}


def shape_of(problem, names):
    text = re.sub(r"\d+", "0", problem["problem"])
    text = re.sub(r"\b[A-Z][a-z]+\b", lambda m: "X" if m[0] in names else m[0], text)
    return re.sub(r"\b([Ss]he|[Hh]er|[Hh]e|[Hh]is|[Hh]im)\b", "P", text)


def accuracies(folder, seen):
    """By policy and threshold, right answers and examples of [unseen, seen] shapes."""
    counts = collections.defaultdict(lambda: [[0, 0], [0, 0]])
    for line in open(pathlib.Path(folder) / "records.jsonl", encoding="utf-8"):
        chunk = json.loads(line)
        for example in chunk["examples"]:
            if example["id"] not in seen:
                continue
            count = counts[chunk["policy"], chunk["threshold"]][seen[example["id"]]]
            count[0] += example["correct"]
            count[1] += 1
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--unseen", action="store_true")
    args = parser.parse_args()
    train, test = records("train"), records("test")
    names = names_in(train + test)
    shapes = {shape_of(problem, names) for problem in train}
    seen = {problem["id"]: shape_of(problem, names) in shapes for problem in test}
    if args.unseen:
        for problem in test:
            if not seen[problem["id"]]:
                json.dump(problem, sys.stdout)
                print()
        return
    print(f"{sum(seen.values())} of {len(test)} test problems have the shape of a training problem")
    if not args.folder:
        return
    print("| policy | threshold | right of seen shapes | of unseen |\n|---|---|---|---|")
    for (policy, threshold), (new, old) in sorted(accuracies(args.folder, seen).items()):
        print(f"| {policy} | {threshold:.9g} | {old[0]} of {old[1]} ({100 * old[0] / old[1]:.1f} %) "
              f"| {new[0]} of {new[1]} ({100 * new[0] / new[1]:.1f} %) |")


if __name__ == "__main__":
    main()
