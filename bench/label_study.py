#!/usr/bin/env python3
"""What a preferences file says of its pair: how well the tokens where the models disagree can be foreseen, and how
noisy the labels of rollouts are.

    pip install gguf numpy scikit-learn
    bench/label_study.py router.gguf.rounds/round-1/preferences.gguf

The first table has, for the 2, 5, 10 and 20 % of the positions with the least score, which part of all disagreements is
among them: by the SLM's confidence, and by logistic regressions on it and on the hidden state, five-fold
cross-validated by example, with 95 % intervals over examples (bootstrap) and the difference from `maxprob`.
"""
import sys

import gguf
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

PARTS = (0.02, 0.05, 0.1, 0.2)
ROLLOUT = 2  # LabelSource::kRollout


def read(path):
    return {t.name: np.array(t.data) for t in gguf.GGUFReader(path).tensors}


def captured(score, wanted, part):
    least = np.argsort(score, kind="stable")[: round(part * len(score))]
    return wanted[least].sum() / wanted.sum()


def cross_validated(features, disagrees, example):
    score = np.zeros(len(example))
    for fold in range(5):
        held = example % 5 == fold
        scale = StandardScaler().fit(features[~held])
        model = LogisticRegression(C=1e-3, max_iter=200).fit(scale.transform(features[~held]), disagrees[~held])
        score[held] = -model.decision_function(scale.transform(features[held]))
    return score


def main():
    data = read(sys.argv[1])
    example = data["example"]
    disagrees = data["slm_token"] != data["llm_token"]
    confidence = data["confidence"].reshape(len(example), -1).astype(np.float32)
    hidden = data["hidden"].reshape(len(example), -1).astype(np.float32)
    rows = [np.flatnonzero(example == e) for e in np.unique(example)]
    print(f"{len(example)} positions of {len(rows)} examples; the models disagree at {100 * disagrees.mean():.1f} %")

    scores = {"maxprob": confidence[:, 0], "margin": confidence[:, -1], "entropy": -confidence[:, -2],
              "regression on confidence": cross_validated(confidence, disagrees, example),
              "and the hidden state": cross_validated(np.hstack([hidden, confidence]), disagrees, example)}
    random = np.random.default_rng(0)
    drawn = [np.concatenate([rows[i] for i in random.integers(0, len(rows), len(rows))]) for _ in range(200)]
    print("\n| score | " + " | ".join(f"{100 * p:.0f} %" for p in PARTS) + " |\n|---" * 1 + "|---" * len(PARTS) + "|")
    for name, score in scores.items():
        cells = []
        for part in PARTS:
            value = captured(score, disagrees, part)
            beside = [captured(score[d], disagrees[d], part) - captured(scores["maxprob"][d], disagrees[d], part)
                      for d in drawn]
            low, high = np.percentile(beside, [2.5, 97.5])
            cells.append(f"{100 * value:.1f}" + ("" if name == "maxprob" else f" [{100 * low:+.1f}, {100 * high:+.1f}]"))
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)

    rolled = data["source"] == ROLLOUT
    if rolled.sum() < 100:
        return
    gap, harm = data["llm_gap"][rolled], 1 - data["label"][rolled]
    print("\n| by how much the LLM prefers its own token (logits) | rollouts | the SLM's token ended worse |\n|---|---|---|")
    for low, high in ((0, 0.3), (0.3, 1), (1, 2), (2, 4), (4, 1e9)):
        among = (gap >= low) & (gap < high)
        n, k = among.sum(), harm[among].sum()
        middle, half = (k + 2) / (n + 4), 1.96 * np.sqrt((k + 2) / (n + 4) * (n - k + 2) / (n + 4) / (n + 4))
        name = f"{low} to {high}" if high < 1e9 else f"{low} and more"
        print(f"| {name} | {n} | {100 * k / n:.0f} % [{100 * (middle - half):.0f}, {100 * (middle + half):.0f}] |")


if __name__ == "__main__":
    main()
