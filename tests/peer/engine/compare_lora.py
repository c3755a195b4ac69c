"""Compares two LoRA runs: losses step by step (relative) and the final matrices (absolute).

Usage: python compare_lora.py PEER_OUT_DIR OUR_ADAPTER_DIR
"""
import json
import sys

from safetensors.torch import load_file

peer, ours = sys.argv[1:3]
losses = [e["loss"] for e in json.load(open(f"{peer}/log.json")) if "loss" in e]
state = json.load(open(f"{ours}/trainer_state.json"))
mine = [e["loss"] for e in state["log_history"] if "loss" in e]
assert len(losses) == len(mine), (len(losses), len(mine))
relative = max(abs(a - b) / abs(a) for a, b in zip(losses, mine))
a, b = load_file(f"{peer}/final/adapter_model.safetensors"), load_file(f"{ours}/adapter_model.safetensors")
assert a.keys() == b.keys(), a.keys() ^ b.keys()
absolute = max((a[k] - b[k]).abs().max().item() for k in a)
moved = load_file(f"{peer}/init/adapter_model.safetensors")
travel = max((a[k] - moved[k]).abs().max().item() for k in a)
print(json.dumps({"loss_rel": relative, "weights_abs": absolute, "steps": len(mine), "moved": travel, "first": losses[0], "last": losses[-1]}))
