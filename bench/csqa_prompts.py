#!/usr/bin/env python3
"""CommonsenseQA as published (question, choices, answerKey), with prompts in the form of CITER's training file.

    bench/csqa_prompts.py commonsenseqa_400.jsonl > csqa_test.jsonl
"""
import json
import sys

ASK = ("\n\nPlease format your response in the following way:\n[Explanation]. Therefore, the answer is answer (label).\n"
       "Ensure the final sentence includes the answer followed by the label in parentheses.\n\nAnswer and Reasoning:")

for line in open(sys.argv[1], encoding="utf-8"):
    record = json.loads(line)
    choices = record["choices"]
    listed = "\n".join(f"{label}. {text}" for label, text in zip(choices["label"], choices["text"]))
    record["prompt"] = f"Question: {record['question']}\nChoices:\n{listed}{ASK}"
    print(json.dumps(record))
