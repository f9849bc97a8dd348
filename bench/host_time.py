#!/usr/bin/env python3
"""What is spent outside both models' passes: reading rows, scoring, drawing, scheduling.

usage: bench/host_time.py LLM.gguf SLM.gguf [--citer PROGRAM ...] [--sequences N ...] [--tokens N]

Writes the same answers by each policy, by each PROGRAM in turn, and prints a Markdown table:
the share of the wall-clock time outside the models, and milliseconds a token and sequence.
"""
import argparse
import json
import subprocess
import tempfile

WAYS = {
    "SLM alone": ["--policy", "slm"],
    "LLM alone": ["--policy", "llm"],
    "maxprob": ["--policy", "maxprob", "--threshold", "0.6"],
    "SLM alone, temperature 0.8": ["--policy", "slm", "--temp", "0.8"],
    "maxprob, temperature 0.8": ["--policy", "maxprob", "--threshold", "0.6", "--temp", "0.8"],
}


def measure(program, models, prompts, sequences, tokens, flags):
    """(share outside the models, milliseconds a token outside them) of one run."""
    command = [program, "generate", *models, "--prompts", prompts, "-n", str(tokens), "--raw",
               "--json", "--ignore-eos", "--speculate", "off", "-c", "512", "-np", str(sequences)]
    result = subprocess.run(command + flags, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    wall = max(answer["seconds"] for answer in answers)
    inside = sum(answer["slm_seconds"] + answer["llm_seconds"] for answer in answers)
    written = sum(answer["tokens"] for answer in answers)
    return (wall - inside) / wall, 1e3 * (wall - inside) / written


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("llm")
    parser.add_argument("slm")
    parser.add_argument("--citer", nargs="+", default=["build/release/citer"])
    parser.add_argument("--sequences", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--tokens", type=int, default=24)
    options = parser.parse_args()
    models = ["-m", options.llm, "-md", options.slm]
    print("| sequences | | " + " | ".join(options.citer) + " |")
    print("|---|---|" + "---|" * len(options.citer))
    for sequences in options.sequences:
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as prompts:
            for i in range(sequences):
                text = f"def function_{i}(values):\n    \"\"\"Returns the sum of the first {i + 2} values.\"\"\"\n"
                prompts.write(json.dumps({"prompt": text}) + "\n")
            prompts.flush()
            for name, flags in WAYS.items():
                cells = [measure(program, models, prompts.name, sequences, options.tokens, flags)
                         for program in options.citer]
                print(f"| {sequences} | {name} | " +
                      " | ".join(f"{100 * share:.1f} %, {ms:.3f} ms" for share, ms in cells) + " |",
                      flush=True)


if __name__ == "__main__":
    main()
