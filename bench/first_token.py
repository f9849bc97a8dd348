#!/usr/bin/env python3
"""Seconds to the first token by the length of the prompt, routed and by each model alone.

usage: bench/first_token.py LLM.gguf SLM.gguf [--citer PROGRAM] [--lengths N ...] [--rounds N]

Prints a Markdown table: medians over the rounds, in which the ways take turns; in brackets beside
the LLM alone.
"""
import argparse
import json
import statistics
import subprocess
import tempfile

ROUTED = ["--policy", "maxprob", "--threshold", "0.6"]
WAYS = {
    "LLM alone": ["--policy", "llm"],
    "SLM alone": ["--policy", "slm"],
    "routed, the LLM opens": ROUTED + ["--first", "llm"],
    "routed, the SLM reads first": ROUTED + ["--first", "slm"],
}
WORDS = ("The quick brown fox jumps over the lazy dog near the river bank while seven wise owls "
         "watch. ")


def first_token(program, models, tokens, flags):
    """Seconds to the first token of a prompt of about so many tokens."""
    text = " ".join((WORDS * (tokens // 10 + 1)).split(" ")[:int(tokens / 1.12)])
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as prompts, \
            tempfile.NamedTemporaryFile("r", suffix=".jsonl") as trace:
        prompts.write(json.dumps({"prompt": text}) + "\n")
        prompts.flush()
        subprocess.run([program, "generate", *models, "--prompts", prompts.name, "--raw", "-n", "2",
                        "--speculate", "off", "--ignore-eos", "-c", "8192", "--trace", trace.name,
                        *flags], capture_output=True, check=True)
        return json.loads(trace.readline())["seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("llm")
    parser.add_argument("slm")
    parser.add_argument("--citer", default="build/release/citer")
    parser.add_argument("--lengths", nargs="+", type=int, default=[100, 1000, 4000])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    models = ["-m", options.llm, "-md", options.slm]
    print("| tokens | " + " | ".join(WAYS) + " |")
    print("|---|" + "---|" * len(WAYS))
    for length in options.lengths:
        seconds = {name: [] for name in WAYS}
        for _ in range(options.rounds):
            for name, flags in WAYS.items():
                seconds[name].append(first_token(options.citer, models, length, flags))
        medians = [statistics.median(times) for times in seconds.values()]
        print(f"| {length} | " +
              " | ".join(f"{m:.2f} ({m / medians[0]:.2f})" for m in medians) + " |", flush=True)


if __name__ == "__main__":
    main()
