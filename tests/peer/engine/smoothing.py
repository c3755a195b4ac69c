"""Writes engine/recipes/testdata/smoothing.json: LoRA steps with label_smoothing_factor by transformers' Trainer.

Versions the committed numbers were made with: Python 3.11.7, torch 2.11.0, transformers 5.23.0, peft 0.21.2, tokenizers 0.23.3.
Usage: python smoothing.py > engine/recipes/testdata/smoothing.json

Models, rows and first adapter are those of golden.py. The held-out loss is the mean of -log p of the trained adapter, without
smoothing: the Trainer's own eval_loss would be smoothed.
"""
import json
import sys

import golden
import torch
import transformers

FACTOR = 0.2


def main():
    stdout, sys.stdout = sys.stdout, sys.stderr
    kept = []

    class Keeping(golden.Trainer):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            kept.append(self)

    plain, golden.Trainer = golden.TrainingArguments, Keeping
    golden.TrainingArguments = lambda **given: plain(**{**given, "label_smoothing_factor": FACTOR, "max_steps": 6})
    out = {"versions": {"torch": torch.__version__, "transformers": transformers.__version__}, "factor": FACTOR, "models": {}}
    for name in ("llama", "gpt2"):
        log = golden.train(name, golden.tokenizer())
        model, scores = kept[-1].model.eval(), []
        for text in golden.ROWS[:3]:
            scores += golden.logprobs(model, golden.tokenizer(), text)[1]
        out["models"][name] = {"loss": log["loss"], "grad_norm": log["grad_norm"], "eval_loss": -sum(scores) / len(scores)}
    stdout.write(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
