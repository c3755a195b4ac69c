"""Compares a training of elara-worker with its twin: each step's loss, the gradients of the first step, the final weights.

Ours are the log of trainer_state.json, (1 - beta1) times the gradient in the moments of checkpoint-1, and adapter_model.safetensors.
Usage: python compare.py OURS PEER; prints the largest differences: of a loss and of a weight absolute, of a gradient relative to the
largest element.
"""
import json
import os
import sys

from safetensors.torch import load_file

ours, peer = sys.argv[1:3]
want = json.load(open(os.path.join(peer, "log.json")))
log = json.load(open(os.path.join(ours, "trainer_state.json")))["log_history"]
got = [e["loss"] for e in log if "loss" in e]
assert len(want) == len(got), (len(want), len(got))
loss = max(abs(a - b) for a, b in zip(want, got))


def furthest(want, got):
    assert want.keys() == got.keys(), want.keys() ^ got.keys()
    return max((want[k].reshape(got[k].shape) - got[k]).abs().max().item() for k in want)


first = load_file(os.path.join(peer, "first.safetensors"))
moments = load_file(os.path.join(ours + "_checkpoints", "checkpoint-1", "optimizer.safetensors"))
suffix = ".exp_avg"
gradients = {k[:-len(suffix)]: v / 0.1 for k, v in moments.items() if k.endswith(suffix)}
largest = max(v.abs().max().item() for v in first.values())
weights = furthest(load_file(os.path.join(peer, "final.safetensors")), load_file(os.path.join(ours, "adapter_model.safetensors")))
print(json.dumps({"loss": loss, "gradients": furthest(first, gradients) / largest, "weights": weights, "steps": len(got)}))
