"""Every way to merge, beside PEFT's add_weighted_adapter, and beside the exact sum of the live adapters where PEFT is wrong.

Usage: python methods.py make MODEL OUT     writes adapters of a model of tests/peer/engine/models.py, and merge files for Elara
       python methods.py check MODEL OUT    compares what Elara made of them; prints one line of JSON
"""
import copy
import json
import os
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from dare import masks

SEED = 42
TARGETS = {"gpt2": ["c_attn", "c_proj"], "llama": ["q_proj", "k_proj", "down_proj"]}
PLAIN = {"a": dict(r=4, lora_alpha=8), "b": dict(r=4, lora_alpha=3), "c": dict(r=4, lora_alpha=4), "low": dict(r=2, lora_alpha=2)}
ODD = {"root": dict(r=4, lora_alpha=8, use_rslora=True), "dora": dict(r=4, lora_alpha=8, use_dora=True), "biased": dict(r=4, lora_alpha=8, bias="all"),
       "pattern": dict(r=2, lora_alpha=2, rank_pattern={"c_attn": 4, "q_proj": 4}, alpha_pattern={"c_attn": 6, "q_proj": 6}),
       "norms": dict(r=4, lora_alpha=8, modules_to_save=["ln_f", "norm"])}
WEIGHTS = [0.6, -0.3, 0.5]
JOBS = {  # by name: adapters, into, candidates
    "methods": (["a", "b", "c"], "adapter", [
        *[dict(combination_type=kind) for kind in ("linear", "cat", "svd")], dict(combination_type="svd", svd_rank=9), dict(combination_type="svd", svd_clamp=0.9),
        *[dict(combination_type=kind + svd, density=0.6) for kind in ("magnitude_prune", "dare_linear") for svd in ("", "_svd")],
        *[dict(combination_type=kind + svd, density=0.6, majority_sign_method=sign)
          for kind in ("ties", "dare_ties") for svd in ("", "_svd") for sign in ("total", "frequency")]]),
    "ranks": (["a", "low"], "adapter", [dict(combination_type="cat"), dict(combination_type="svd")]),
    "base": (["a", "b", "low"], "base", [dict(combination_type="cat")]),
    "bfloat16": (["a", "b", "low"], "base", [dict(combination_type="cat")]),
    **{f"{odd}-{into}": ([odd, "b"], into, [dict(combination_type="cat")])
       for odd in ODD for into in ("adapter", "base") if (odd, into) != ("dora", "adapter")},
}


def jobs(architecture):
    for name, job in JOBS.items():
        if not (architecture == "llama" and name.startswith("biased")):  # it has no biases
            yield name, job


def named(candidate):
    return "-".join(str(v).replace("_", "-").replace(".", "") for v in candidate.values())


def weights_of(candidate, adapters):
    # PEFT's frequency and total only differ where signs do; negative weights are for the others.
    signed = WEIGHTS[:len(adapters)]
    return [abs(w) for w in signed] if "ties" in candidate["combination_type"] else signed


def make(model_dir, out, architecture):
    torch.manual_seed(11)
    for name, config in {**PLAIN, **ODD}.items():
        if name == "biased" and architecture == "llama":
            continue
        model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32)
        config = {k: ({m: v for m, v in value.items() if m in TARGETS[architecture]} if k.endswith("_pattern") else value) for k, value in config.items()}
        if "modules_to_save" in config:
            config["modules_to_save"] = ["ln_f"] if architecture == "gpt2" else ["model.norm"]
        tuned = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", target_modules=TARGETS[architecture], fan_in_fan_out=architecture == "gpt2", **config))
        with torch.no_grad():
            for n, p in tuned.named_parameters():
                if "lora_B" in n:
                    p.normal_(std=0.05)
                elif p.requires_grad and ("bias" in n or "modules_to_save" in n or "magnitude" in n):
                    p.add_(0.1 * torch.randn_like(p))
        tuned.save_pretrained(os.path.join(out, name))
    for name, (adapters, into, candidates) in jobs(architecture):
        json.dump({"base_model": model_dir, "adapters": [{"name": a, "path": a} for a in adapters], "into": into, "output_dir": "ours-" + name, "seed": SEED,
                   "dtype": "bfloat16" if name == "bfloat16" else "float32",
                   "candidates": [{"name": named(c), "weights": weights_of(c, adapters), **c} for c in candidates]},
                  open(os.path.join(out, f"merge-{name}.json"), "w"))


def exact(model_dir, out, adapters, weights):
    """The base plus sum_i w_i (model_i - base), model_i being PEFT's own base with adapter i: the exact sum of the live adapters."""
    base = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32).eval()
    total = {k: v.double().clone() for k, v in base.state_dict().items()}
    for adapter, weight in zip(adapters, weights):
        model = PeftModel.from_pretrained(copy.deepcopy(base).double(), os.path.join(out, adapter)).merge_and_unload()
        for k, v in model.state_dict().items():
            total[k] += weight * (v.double() - base.state_dict()[k].double())
    base.load_state_dict({k: v.float() for k, v in total.items()})
    return base


@torch.no_grad()
def logits(model, ids):
    return model.eval()(ids).logits


def peft_merged(model_dir, out, adapters, weights, candidate):
    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32)
    tuned = PeftModel.from_pretrained(model, os.path.join(out, adapters[0]), adapter_name=adapters[0])
    for a in adapters[1:]:
        tuned.load_adapter(os.path.join(out, a), a)
    with masks(tuned, adapters, SEED):
        tuned.add_weighted_adapter(adapters, weights, "merged", **candidate)
    tuned.set_adapter("merged")
    return tuned


def apart(a, b):
    return (a - b).abs().max().item()


def check(model_dir, out, architecture):
    worst = {"tensors": 0.0, "exact": 0.0, "base": 0.0, "bfloat16": 0.0}
    wrong = {}
    ids = torch.arange(3, 51)[None, :]
    for job, (adapters, into, candidates) in jobs(architecture):
        for candidate in candidates:
            weights = weights_of(candidate, adapters)
            folder = os.path.join(out, "ours-" + job, named(candidate))
            if into == "adapter":
                base = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32)
                ours = PeftModel.from_pretrained(base, folder)
            else:
                ours = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
            if job in ("methods", "ranks"):
                tuned, tensors = peft_merged(model_dir, out, adapters, weights, candidate), load_file(os.path.join(folder, "adapter_model.safetensors"))
                seen = 0
                for name, module in tuned.base_model.model.named_modules():
                    if not hasattr(module, "lora_A") or "merged" not in module.lora_A:
                        continue
                    a, b = (tensors[f"base_model.model.{name}.lora_{f}.weight"] for f in "AB")
                    pa, pb = module.lora_A["merged"].weight.data, module.lora_B["merged"].weight.data
                    d = apart(b @ a, pb @ pa) if "svd" in candidate["combination_type"] else max(apart(a, pa), apart(b, pb))
                    worst["tensors"], seen = max(worst["tensors"], d), seen + 2
                assert seen == len(tensors), (seen, len(tensors))
                continue
            want = logits(exact(model_dir, out, adapters, weights), ids)
            d = apart(logits(ours, ids), want)
            if job == "bfloat16":
                worst["bfloat16"] = max(worst["bfloat16"], d / want.abs().max().item())
                continue
            key = "base" if job == "base" else "exact"
            worst[key] = max(worst[key], d)
            if key == "exact" and into == "adapter" or job == "dora-base":
                try:
                    wrong[job.split("-")[0]] = [d, apart(logits(peft_merged(model_dir, out, adapters, weights, candidate), ids), want)]
                except ValueError as e:
                    wrong[job.split("-")[0]] = [d, str(e)[:60]]
    print(json.dumps({**worst, "ours and PEFT's distance from the exact sum": wrong}))


what, model_dir, out = sys.argv[1:4]
(make if what == "make" else check)(model_dir, out, os.path.basename(model_dir))
