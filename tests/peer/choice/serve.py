"""Scores files of questions, one after the other, with a model that is loaded once.

Usage: python serve.py MODEL, a folder or a .gguf file. A line {"by", "form", "file"} on standard input is answered by a line {"results",
"items", "seconds"}. By "harness" and "plain" the model is in float32, by "exact" it is the harness over the same weights in float64.
"""
import json
import sys

import harness
import plain
import torch

stdout, sys.stdout = sys.stdout, sys.stderr  # the harness prints
loaded = harness.load(sys.argv[1])
exact = harness.load(sys.argv[1], torch.float64)
for line in sys.stdin:
    asked = json.loads(line)
    rows = [json.loads(row) for row in open(asked["file"]) if row.strip()]
    run, model = {"harness": (harness.run, loaded), "plain": (plain.run, loaded), "exact": (harness.run, exact)}[asked["by"]]
    print(json.dumps(run(*model, asked["form"], rows)), file=stdout, flush=True)
