"""Writes engine/recipes/testdata/saved.json: the digests of the files that transformers' save_pretrained writes for the models of
golden.py, as one file and in shards.

Versions the committed digests were made with: Python 3.11.7, torch 2.11.0, transformers 5.23.0, safetensors 0.8.0.
Usage: python save.py > engine/recipes/testdata/saved.json
"""
import hashlib
import json
import os
import tempfile

import torch

from golden import MODELS, build

SHARD_BYTES = 5000


def digests(model, **options):
    with tempfile.TemporaryDirectory() as out:
        model.save_pretrained(out, **options)
        return {name: hashlib.sha256(open(os.path.join(out, name), "rb").read()).hexdigest() for name in sorted(os.listdir(out)) if "safetensors" in name}


golden = {"shard_bytes": SHARD_BYTES, "models": {}}
for name, numbers in MODELS.items():
    golden["models"][name] = {"whole": digests(build(numbers)), "sharded": digests(build(numbers), max_shard_size=SHARD_BYTES),
                              "half": digests(build(numbers).to(torch.bfloat16))}
print(json.dumps(golden, indent=1))
