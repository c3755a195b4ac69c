"""What PEFT's add_weighted_adapter makes of small adapters by each method, and the exact sum where it is wrong.

Usage: python golden.py > engine/merge/testdata/golden.json
"""
import json
import sys

import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from dare import masks

SEED = 42
SIZES = dict(vocab_size=16, hidden_size=8, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2,
             head_dim=4, max_position_embeddings=32, rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=True)
ADAPTERS = {  # by name: LoraConfig
    "one": dict(r=4, lora_alpha=8, target_modules=["q_proj", "down_proj"]),
    "two": dict(r=4, lora_alpha=3, target_modules=["q_proj", "down_proj"]),
    "third": dict(r=4, lora_alpha=4, target_modules=["q_proj", "down_proj"]),
    "low": dict(r=2, lora_alpha=2, target_modules=["q_proj", "down_proj"]),
    "elsewhere": dict(r=2, lora_alpha=5, target_modules=["q_proj", "up_proj"]),
    "root": dict(r=4, lora_alpha=8, use_rslora=True, target_modules=["q_proj", "down_proj"]),
    "pattern": dict(r=2, lora_alpha=2, rank_pattern={"down_proj": 4}, alpha_pattern={"down_proj": 6}, target_modules=["q_proj", "down_proj"]),
    "dora": dict(r=2, lora_alpha=4, use_dora=True, target_modules=["q_proj", "down_proj"]),
}
PRUNED = dict(density=0.6)
CASES = [  # adapters, weights, arguments
    (["one", "two"], [0.7, -0.4], dict(combination_type="linear")),
    (["one"], [0.5], dict(combination_type="linear")),
    (["one", "low", "elsewhere"], [0.7, -0.4, 1.1], dict(combination_type="cat")),
    (["one", "pattern"], [0.7, 0.3], dict(combination_type="cat")),
    (["one", "low", "elsewhere"], [0.7, -0.4, 1.1], dict(combination_type="svd")),
    (["one", "low"], [0.7, 0.4], dict(combination_type="svd", svd_rank=3)),
    (["one", "two"], [0.7, 0.4], dict(combination_type="svd", svd_clamp=0.8)),
    *[(["one", "two", "third"], [0.7, -0.4, 1.1], dict(combination_type=kind, **PRUNED))
      for kind in ("magnitude_prune", "dare_linear", "magnitude_prune_svd", "dare_linear_svd")],
    *[(["one", "two", "third"], [0.7, 0.4, 1.1], dict(combination_type=kind, majority_sign_method=sign, **PRUNED))
      for kind in ("ties", "dare_ties", "ties_svd", "dare_ties_svd") for sign in ("total", "frequency")],
    # PEFT inherits use_rslora and scales once more, and knows nothing of DoRA: the expected values are the exact sums.
    (["root", "low"], [0.7, 0.3], dict(combination_type="cat")),
    (["dora", "low"], [0.7, 0.3], dict(combination_type="cat")),
]


def values(tensor):
    return {"shape": list(tensor.shape), "data": [float(f"{v:.9g}") for v in tensor.detach().flatten().tolist()]}


def exact(model, adapters, weights):
    """sum_i w_i D_i by module, from the formulas of the papers."""
    deltas = {}
    for name, module in model.base_model.model.named_modules():
        for adapter, weight in zip(adapters, weights):
            if not hasattr(module, "lora_A") or adapter not in module.lora_A:
                continue
            low = module.scaling[adapter] * module.lora_B[adapter].weight @ module.lora_A[adapter].weight
            base = module.get_base_layer().weight
            if adapter in module.lora_magnitude_vector:
                whole = base + low
                low = module.lora_magnitude_vector[adapter].weight[:, None] / whole.norm(dim=1, keepdim=True) * whole - base
            deltas[name] = deltas.get(name, 0) + weight * low
    return deltas


torch.manual_seed(SEED)
model = LlamaForCausalLM(LlamaConfig(**SIZES)).eval()
out = {"versions": {"peft": peft.__version__, "torch": torch.__version__, "transformers": transformers.__version__}, "seed": SEED,
       "config": {"model_type": "llama", "hidden_act": "silu", **SIZES},
       "base": {k: values(v) for k, v in model.state_dict().items() if k != "lm_head.weight"}, "adapters": {}, "cases": []}
tuned = None
for name, config in ADAPTERS.items():
    config = LoraConfig(task_type="CAUSAL_LM", **config)
    if tuned is None:
        tuned = get_peft_model(model, config, adapter_name=name)
    else:
        tuned.add_adapter(name, config)
with torch.no_grad():
    for name, p in tuned.named_parameters():
        if "lora_B" in name:
            p.normal_(std=0.3)
        if "lora_magnitude" in name:
            p.mul_(1 + 0.2 * torch.rand_like(p))
for name, config in ADAPTERS.items():
    tensors = peft.get_peft_model_state_dict(tuned, adapter_name=name)
    out["adapters"][name] = {
        "config": {"peft_type": "LORA", "task_type": "CAUSAL_LM", "bias": "none", "base_model_name_or_path": "tiny", **config},
        "tensors": {k: values(v) for k, v in tensors.items()}}
for i, (adapters, weights, arguments) in enumerate(CASES):
    case = {"adapters": adapters, "weights": weights, **arguments, "factors": {}, "products": {}}
    out["cases"].append(case)
    wrong = any(a in ("root", "dora") for a in adapters)
    if wrong:
        case["products"] = {k: values(v) for k, v in exact(tuned, adapters, weights).items()}
        continue
    with masks(tuned, adapters, SEED):
        tuned.add_weighted_adapter(adapters, weights, f"merged{i}", **arguments)
    for name, module in tuned.base_model.model.named_modules():
        if not hasattr(module, "lora_A") or f"merged{i}" not in module.lora_A:
            continue
        a, b = module.lora_A[f"merged{i}"].weight, module.lora_B[f"merged{i}"].weight
        if "svd" in arguments["combination_type"]:
            case["products"][name] = values(b @ a)
        else:
            case["factors"][name] = [values(a), values(b)]
json.dump(out, sys.stdout)
print()
