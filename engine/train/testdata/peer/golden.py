"""Writes ../golden.json: torch's permutations and loss scale, transformers' schedules, warm-ups and length groups, which
the training loop must repeat.

Versions the committed numbers were made with: Python 3.11.7, torch 2.11.0, transformers 5.23.0, accelerate 1.15.0.
Usage: python golden.py > ../golden.json
"""
import json
import random

import torch
from transformers import TrainingArguments, get_scheduler
from transformers.trainer_pt_utils import get_length_grouped_indices


def permutation(n, seed):
    return {"n": n, "seed": seed, "order": torch.randperm(n, generator=torch.Generator().manual_seed(seed)).tolist()}


def schedule(kind, rate, warmup, total, **kwargs):
    """Warm-up is what TrainingArguments.warmup_steps takes: steps, or below 1 a share of them."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    steps = TrainingArguments(output_dir="unused", use_cpu=True, warmup_steps=warmup).get_warmup_steps(total)
    scheduler = get_scheduler(kind, optimizer, steps, total, scheduler_specific_kwargs=kwargs or None)
    rates = []
    for _ in range(total):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        if len(rates) < total:  # transformers' polynomial divides by zero after its end when all is warm-up
            scheduler.step()
    return {"kind": kind, "rate": rate, "warmup": warmup, "total": total, "kwargs": kwargs, "rates": rates}


def group(n, batch, seed):
    chosen = random.Random(n)
    lengths = [chosen.randrange(8, 64) for _ in range(n)]
    order = get_length_grouped_indices(lengths, batch, generator=torch.Generator().manual_seed(seed))
    return {"lengths": lengths, "batch": batch, "seed": seed, "order": [int(i) for i in order]}


def loss_scale(steps, overflows):
    """The changes of the factor in a run in which the named steps overflow, as [step, factor after it]."""
    scaler = torch.amp.GradScaler("cpu")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.0)
    changes, before = [], 65536.0
    for step in range(1, steps + 1):
        scaler.scale(torch.zeros(1))  # makes the factor
        optimizer.param_groups[0]["params"][0].grad = torch.tensor([float("inf") if step in overflows else 1.0])
        scaler.step(optimizer)
        scaler.update()
        if scaler.get_scale() != before:
            before = scaler.get_scale()
            changes.append([step, before])
    return {"steps": steps, "overflows": overflows, "changes": changes}


print(json.dumps({
    "permutations": [permutation(n, seed) for n, seed in [(1, 42), (2, 42), (7, 42), (7, 43), (24, 0), (100, 1234567), (1000, 4294967295), (30, 4294967296 + 42)]],
    "schedules": [
        schedule("linear", 5e-5, 0, 10), schedule("linear", 2e-4, 3, 12), schedule("linear", 1e-2, 20, 10), schedule("linear", 3e-4, 1, 1),
        schedule("linear", 2e-4, 0.1, 25), schedule("linear", 2e-4, 0.25, 9), schedule("linear", 2e-4, 0.999, 7),
        schedule("constant", 2e-4, 5, 8), schedule("constant_with_warmup", 2e-4, 5, 12), schedule("constant_with_warmup", 2e-4, 0.3, 11),
        schedule("cosine", 2e-4, 4, 23), schedule("cosine", 2e-4, 0, 10, num_cycles=1.5), schedule("cosine", 1e-3, 9, 5),
        schedule("cosine_with_restarts", 2e-4, 4, 23), schedule("cosine_with_restarts", 2e-4, 2, 30, num_cycles=3),
        schedule("cosine_with_min_lr", 2e-4, 4, 23, min_lr=2e-5), schedule("cosine_with_min_lr", 2e-4, 0, 17, min_lr_rate=0.25, num_cycles=1.0),
        schedule("cosine_warmup_with_min_lr", 2e-4, 4, 23, min_lr=2e-5), schedule("cosine_warmup_with_min_lr", 2e-4, 4, 23, min_lr_rate=0.1, warmup_lr_rate=0.3),
        schedule("polynomial", 2e-4, 4, 23), schedule("polynomial", 2e-4, 3, 20, lr_end=1e-5, power=2.5), schedule("polynomial", 2e-4, 30, 20),
        schedule("inverse_sqrt", 2e-4, 4, 23), schedule("inverse_sqrt", 2e-4, 0, 12), schedule("inverse_sqrt", 2e-4, 5, 15, timescale=100),
        schedule("warmup_stable_decay", 2e-4, 4, 23, num_decay_steps=6),
        schedule("warmup_stable_decay", 2e-4, 4, 23, num_decay_steps=6, num_stable_steps=5, min_lr_ratio=0.1, warmup_type="cosine", decay_type="linear"),
        schedule("warmup_stable_decay", 2e-4, 5, 20, num_decay_steps=8, min_lr_ratio=0.05, warmup_type="1-sqrt", decay_type="1-sqrt"),
        schedule("warmup_stable_decay", 2e-4, 0.2, 20, num_decay_steps=10, num_cycles=1.5),
    ],
    "groups": [group(n, batch, seed) for n, batch, seed in [(1, 4, 42), (5, 8, 42), (37, 4, 42), (37, 4, 43), (200, 3, 7), (1000, 2, 0)]],
    "loss_scales": [loss_scale(9000, [1, 2501, 4502, 4503, 6503]), loss_scale(12, list(range(1, 13)))],
}, separators=(",", ":")))
