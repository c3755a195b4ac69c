"""Scores files of questions, one after the other, with a model that is loaded once.

Usage: python serve.py MODEL, a folder or a .gguf file. A line {"by": "harness" or "plain", "form", "file"} on standard input is
answered by a line {"results", "items", "seconds"}.
"""
import json
import sys

import harness
import plain

stdout, sys.stdout = sys.stdout, sys.stderr  # the harness prints
loaded = harness.load(sys.argv[1])
for line in sys.stdin:
    asked = json.loads(line)
    rows = [json.loads(row) for row in open(asked["file"]) if row.strip()]
    run = {"harness": harness.run, "plain": plain.run}[asked["by"]]
    print(json.dumps(run(*loaded, asked["form"], rows)), file=stdout, flush=True)
