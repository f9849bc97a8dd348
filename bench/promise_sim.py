#!/usr/bin/env python3
"""How often a promise is broken, what it costs and how often it is refused.

    bench/promise_sim.py EVAL_FOLDER... [--policy citer] [--accuracy 0.99] [--confidence 0.95] [--splits 1000]

An EVAL_FOLDER is one of `citer eval` with the policies `llm` and POLICY, at several thresholds. The
stored examples of each dataset are taken for the whole population, whose rates are the truth. Per
split n examples of each dataset are drawn from it, with replacement, and a promise is made of them
as src/route/promise.cpp does: it holds for each dataset by itself. It is broken where routing at its
threshold harms more than 1 - accuracy of what the LLM has right in the population of any. The
oracle's threshold is the cheapest that breaks nothing.
"""
import argparse
import collections
import json
import math
import pathlib
import random

SIZES = (300, 500, 1000, 2000)


class Population:
    """Of one dataset: outcomes as tuples (LLM right, routed right at each threshold), and shares."""

    def __init__(self, runs, thresholds):
        llm = runs["llm"]
        ids = sorted(set(llm).intersection(*(runs[t] for t in thresholds)))
        self.examples = len(ids)
        patterns = collections.Counter(
            (llm[i]["correct"], *(runs[t][i]["correct"] for t in thresholds)) for i in ids)
        self.patterns, self.weights = zip(*sorted(patterns.items()))
        self.harm = [self.rate(k) for k in range(len(thresholds))]
        self.tokens = [[sum(runs[t][i]["counters"][c] for i in ids)
                        for c in ("llm_tokens", "slm_tokens")] for t in thresholds]

    def rate(self, k):
        right = sum(w for p, w in zip(self.patterns, self.weights) if p[0])
        return sum(w for p, w in zip(self.patterns, self.weights) if p[0] and not p[k + 1]) / right

    def draw(self, n, rng):
        """Right answers of the LLM among n examples, and harms at each threshold."""
        drawn = collections.Counter(rng.choices(self.patterns, self.weights, k=n))
        right = sum(w for p, w in drawn.items() if p[0])
        return right, [sum(w for p, w in drawn.items() if p[0] and not p[k + 1])
                       for k in range(len(self.harm))]


def read_runs(folders, policy):
    """By dataset and threshold ("llm" for the LLM alone) the examples by id."""
    data = collections.defaultdict(lambda: collections.defaultdict(dict))
    for folder in folders:
        for line in open(pathlib.Path(folder) / "records.jsonl", encoding="utf-8"):
            chunk = json.loads(line)
            if chunk["policy"] not in ("llm", policy):
                continue
            key = "llm" if chunk["policy"] == "llm" else chunk["threshold"]
            data[chunk["data"]][key].update((e["id"], e) for e in chunk["examples"])
    return data


def binomial_tail(n, p, k):
    """P(X <= k), X ~ Binomial(n, p)."""
    return min(1.0, math.fsum(
        math.exp(math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1)
                 + i * math.log(p) + (n - i) * math.log1p(-p)) for i in range(k + 1)))


def betting(n, p, k):
    """1 / wealth of bets on "fewer harms than p", averaged over twenty sizes of bets: a p-value."""
    sizes = [(b + 0.5) / 20 / (1 - p) for b in range(20)]
    wealth = [(n - k) * math.log1p(s * p) + k * math.log1p(-s * (1 - p)) for s in sizes]
    return 1 / math.fsum(math.exp(w) / len(sizes) for w in wealth)


def allowed_harms(test, args):
    """By right answers of the LLM the most harms that a promise allows; -1: not even none."""
    allowed = [-1]
    for n in range(1, max(SIZES) + 1):
        k = allowed[-1]
        while k + 1 <= n and test(n, 1 - args.accuracy, k + 1) <= 1 - args.confidence:
            k += 1
        allowed.append(k)
    return allowed


def promised(drawn, thresholds, allowed):
    """Index of the cheapest threshold by a walk from the dearest; None: refused."""
    kept = None
    for k in reversed(range(thresholds)):
        if any(harms[k] > allowed[right] for right, harms in drawn):
            break
        kept = k
    return kept


def simulate(populations, shares, allowed, n, args):
    rng = random.Random(args.seed)
    limit = 1 - args.accuracy
    safe = [all(p.harm[k] <= limit for p in populations) for k in range(len(shares))]
    oracle = next((k for k, ok in enumerate(safe) if ok and all(safe[k:])), None)
    broken = refused = 0
    extra = []
    for _ in range(args.splits):
        kept = promised([p.draw(n, rng) for p in populations], len(shares), allowed)
        if kept is None:
            refused += 1
            continue
        broken += not safe[kept]
        if oracle is not None and safe[kept]:
            extra.append(shares[kept] - shares[oracle])
    return [100 * broken / args.splits, 100 * refused / args.splits,
            100 * shares[oracle] if oracle is not None else 100.0,
            100 * sum(extra) / len(extra) if extra else math.nan]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--policy", default="citer")
    parser.add_argument("--accuracy", type=float, default=0.99)
    parser.add_argument("--confidence", type=float, default=0.95)
    parser.add_argument("--splits", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    data = read_runs(args.folders, args.policy)
    groups = [[name] for name in sorted(data)] + ([sorted(data)] if len(data) > 1 else [])
    print("| data (stored) | test | n of each | broken % | refused % | oracle's LLM % | more than it, points |")
    print("|---|---|---|---|---|---|---|")
    tests = {name: allowed_harms(test, args)
             for name, test in (("binomial", binomial_tail), ("betting", betting))}
    for names in groups:
        thresholds = sorted(set.intersection(*(set(data[d]) - {"llm"} for d in names)))
        populations = [Population(data[d], thresholds) for d in names]
        sums = [[sum(p.tokens[k][c] for p in populations) for c in (0, 1)]
                for k in range(len(thresholds))]
        shares = [llm / (llm + slm) for llm, slm in sums]
        stored = "+".join(str(p.examples) for p in populations)
        for test, allowed in tests.items():
            for n in SIZES:
                row = simulate(populations, shares, allowed, n, args)
                print(f"| {'+'.join(names)} ({stored}) | {test} | {n} | "
                      + " | ".join(f"{x:.1f}" for x in row) + " |", flush=True)


if __name__ == "__main__":
    main()
