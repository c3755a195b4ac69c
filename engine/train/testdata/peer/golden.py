"""Writes ../golden.json: torch.randperm and transformers' linear schedule, which the training loop must repeat.

Versions the committed numbers were made with: Python 3.11.7, torch 2.11.0, transformers 5.23.0.
Usage: python golden.py > ../golden.json
"""
import json

import torch
from transformers import get_linear_schedule_with_warmup


def permutation(n, seed):
    return {"n": n, "seed": seed, "order": torch.randperm(n, generator=torch.Generator().manual_seed(seed)).tolist()}


def schedule(rate, warmup, total):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    scheduler = get_linear_schedule_with_warmup(optimizer, warmup, total)
    rates = []
    for _ in range(total):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return {"rate": rate, "warmup": warmup, "total": total, "rates": rates}


print(json.dumps({
    "permutations": [permutation(n, seed) for n, seed in [(1, 42), (2, 42), (7, 42), (7, 43), (24, 0), (100, 1234567), (1000, 4294967295), (30, 4294967296 + 42)]],
    "schedules": [schedule(5e-5, 0, 10), schedule(2e-4, 3, 12), schedule(1e-2, 20, 10), schedule(3e-4, 1, 1)],
}, separators=(",", ":")))
