"""DARE's masks as Elara draws them, for PEFT: its own come from torch's global generator, so that no two programs share them.

Element i of the mask of a tensor stays where unit(derive(key, i)) < density; the key is that of the seed, then "dare", the
adapter's name and the tensor's: MODULE.lora_A, MODULE.lora_B, or MODULE for a whole delta, which is [out, in] with us and
[in, out] in PEFT for GPT-2.
"""
import contextlib

import numpy as np
import torch
from peft.tuners.lora import model as lora_model
from peft.utils import merge_utils

M = np.uint64(0xFFFFFFFFFFFFFFFF)


def derive(key, n):  # SplitMix64, for a number or an array of numbers
    with np.errstate(over="ignore"):
        z = np.uint64(key) + np.uint64(0x9E3779B97F4A7C15) * (np.asarray(n, dtype=np.uint64) + np.uint64(1))
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def named(key, purpose):  # FNV-1a
    h = 0xCBF29CE484222325
    for b in purpose.encode():
        h = ((h ^ b) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return derive(key, h)


def mask(seed, adapter, part, shape, density):
    key = named(named(named(np.uint64(seed), "dare"), adapter), part)
    draws = derive(derive(key, np.arange(int(np.prod(shape)))), 0)
    return torch.from_numpy(((draws >> np.uint64(11)).astype(np.float64) / 2.0**53 < density).reshape(shape).astype(np.float32))


@contextlib.contextmanager
def masks(peft_model, adapters, seed):
    """Makes PEFT draw these masks. The order of its draws is that of its loops: module, factor, adapter."""
    queue, kept = [], (merge_utils.random_pruning, lora_model.LoraModel._generalized_task_arithmetic_weighted_adapter,
                       lora_model.LoraModel._svd_generalized_task_arithmetic_weighted_adapter)
    names = {module: name for name, module in peft_model.base_model.model.named_modules()}

    def pruning(tensor, density, rescale):
        adapter, part, turned = queue.pop(0)
        shape = tuple(tensor.shape)
        pruned = tensor * (mask(seed, adapter, part, shape[::-1], density).T if turned else mask(seed, adapter, part, shape, density))
        return pruned / density if rescale else pruned

    def there(target):
        return [a for a in adapters if a in target.lora_A]

    def factors(self, kind, names_, weights, target, *rest):
        queue[:] = [(a, f"{names[target]}.{f}", False) for f in ("lora_A", "lora_B") for a in there(target)]
        return kept[1](self, kind, names_, weights, target, *rest)

    def deltas(self, kind, names_, weights, rank, target, *rest, **more):
        queue[:] = [(a, names[target], target.fan_in_fan_out) for a in there(target)]
        return kept[2](self, kind, names_, weights, rank, target, *rest, **more)

    merge_utils.random_pruning = pruning
    lora_model.LoraModel._generalized_task_arithmetic_weighted_adapter = factors
    lora_model.LoraModel._svd_generalized_task_arithmetic_weighted_adapter = deltas
    try:
        yield
    finally:
        (merge_utils.random_pruning, lora_model.LoraModel._generalized_task_arithmetic_weighted_adapter,
         lora_model.LoraModel._svd_generalized_task_arithmetic_weighted_adapter) = kept
