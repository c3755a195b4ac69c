"""Writes engine/recipes/testdata/lora_variants.json: which modules PEFT adapts, and how it trains and saves what LoraConfig can ask
for beside two plain matrices, on the models of golden.py.

Versions the committed numbers were made with: Python 3.11.7, torch 2.11.0, transformers 5.23.0, peft 0.21.2, tokenizers 0.23.3.
Usage: python lora_variants.py > engine/recipes/testdata/lora_variants.json

Every tensor of a saved adapter follows the formula of golden.py under its name in adapter_model.safetensors; a magnitude is one
more, because it stands for the length of a row. So the file holds no tensors: names and shapes, PEFT's own configuration file, the
log-probabilities of the untrained adapter, the losses of six steps, and five elements of each tensor after them. PEFT writes the
rules of rank_pattern and alpha_pattern sorted by their text, though the first that matches counts: those here are sorted already.
"""
import json
import os
import sys
import tempfile

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from transformers import DataCollatorForLanguageModeling, Trainer, TrainingArguments

from golden import MODELS, ROWS, TEXTS, build, formula, logprobs, tokenizer

TARGETS = [
    ("llama", dict(target_modules="all-linear")),
    ("gpt2", dict(target_modules="all-linear")),
    ("gpt2", dict(target_modules=["c_proj"])),
    ("gpt2", dict(target_modules=["attn.c_proj", "c_fc"])),
    ("llama", dict(target_modules=r".*\.[0]\.(self_attn\.[qk]|mlp\.up)_proj|model\.layers\.1\.mlp\.gate_proj")),
    ("llama", dict(target_modules="q_proj|.*v_proj")),
    ("llama", dict(target_modules=["q_proj", "up_proj"], layers_to_transform=1)),
    ("llama", dict(target_modules=["q_proj", "model.layers.0.mlp.up_proj"], layers_to_transform=[1])),
    ("llama", dict(target_modules=["q_proj", "v_proj"], layers_to_transform=[0], layers_pattern="layers")),
    ("gpt2", dict(target_modules=["c_attn", "c_fc"], layers_to_transform=[1], layers_pattern=["blocks", "h"])),
    ("llama", dict(target_modules="all-linear", exclude_modules=["mlp.up_proj", "model.layers.0.self_attn.o_proj"])),
    ("llama", dict(target_modules=["q_proj", "v_proj"], exclude_modules=r"model\.layers\.0\..*")),
    ("llama", dict(target_modules="all-linear", modules_to_save=["mlp"])),
    ("llama", dict(target_modules=["q_proj", "k_proj"], modules_to_save=["k_proj"])),
]
VARIANTS = {
    "patterns": ("llama", dict(r=3, lora_alpha=4, use_rslora=True, target_modules=["q_proj", "v_proj", "up_proj", "down_proj"], layers_to_transform=[1],
                               rank_pattern={"down_proj": 2, "mlp.*": 4}, alpha_pattern={"^model.*down_proj": 7, "down_proj|up_proj": 5})),
    "dora": ("llama", dict(r=2, lora_alpha=6, use_dora=True, target_modules=r".*\.(q|v|down)_proj")),
    "dora rslora biased": ("llama-biased", dict(r=3, lora_alpha=2, use_dora=True, use_rslora=True, target_modules="all-linear", exclude_modules=["up_proj"])),
    "dora conv1d": ("gpt2", dict(r=2, lora_alpha=6, use_dora=True, target_modules=["c_attn", "c_proj"], fan_in_fan_out=True)),
    "bias all": ("gpt2", dict(r=2, lora_alpha=6, bias="all", target_modules=["c_attn", "mlp.c_proj"], fan_in_fan_out=True)),
    "bias lora_only": ("llama-biased", dict(r=2, lora_alpha=6, bias="lora_only", target_modules=["q_proj", "o_proj", "up_proj"])),
    "bias none there": ("llama", dict(r=2, lora_alpha=6, bias="all", target_modules=["q_proj"])),
    "bias all dora": ("gpt2", dict(r=2, lora_alpha=6, bias="all", use_dora=True, target_modules=["c_fc"], fan_in_fan_out=True)),
    "bias all and saved": ("gpt2", dict(r=2, lora_alpha=6, bias="all", target_modules=["c_attn"], modules_to_save=["ln_f", "attn.c_proj"], fan_in_fan_out=True)),
    "saved input of a tied model": ("llama", dict(r=2, lora_alpha=6, target_modules=["q_proj"], modules_to_save=["embed_tokens", "norm"])),
    # The token "e" is the padding token, and stands in every row.
    "saved input with padding": ("llama", dict(r=2, lora_alpha=6, target_modules=["q_proj"], modules_to_save=["embed_tokens"]), dict(pad_token_id=101)),
    "saved head of a tied model": ("gpt2", dict(r=2, lora_alpha=6, target_modules=["c_fc"], modules_to_save=["lm_head", "wpe"], fan_in_fan_out=True)),
    "saved input and head": ("mistral", dict(r=2, lora_alpha=6, target_modules=["v_proj"], modules_to_save=["embed_tokens", "lm_head"])),
    "saved blocks": ("qwen3", dict(r=2, lora_alpha=6, target_modules=["k_proj"], modules_to_save=["q_norm", "layers.1.mlp"])),
}


def value(name, shape):
    return formula(name, shape) + (1 if name.endswith("lora_magnitude_vector") else 0)


def sample(t):
    flat = t.flatten().tolist()
    return [float(f"{flat[i * (len(flat) - 1) // 4]:.7g}") for i in range(5)]


def targets():
    for name, config in TARGETS:
        model = get_peft_model(build(MODELS[name]), LoraConfig(task_type="CAUSAL_LM", **config))
        yield {"model": name, "config": config, "modules": model.base_model.targeted_module_names}


def variant(tok, name, config, extra=None):
    model = get_peft_model(build({**MODELS[name], **(extra or {})}), LoraConfig(task_type="CAUSAL_LM", **config))
    state = {k: value(k, tuple(v.shape)) for k, v in get_peft_model_state_dict(model).items() if not k.endswith((".original_module.bias", ".modules_to_save.bias"))}
    missing = set_peft_model_state_dict(model, dict(state))
    assert not missing.unexpected_keys, missing
    for k, v in get_peft_model_state_dict(model).items():  # what cannot be loaded is not there either
        assert k not in state or torch.equal(v, state[k]), k
    model.eval()
    out = {"model": name, "extra": extra, "logprobs": [logprobs(model, tok, t)[1] for t in TEXTS[1:]]}
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        out["config"] = json.loads(open(os.path.join(folder, "adapter_config.json")).read())
        from safetensors import safe_open
        with safe_open(os.path.join(folder, "adapter_model.safetensors"), "pt") as f:
            out["saved"] = [[k, list(f.get_slice(k).get_shape())] for k in f.keys()]
        data = Dataset.from_dict({"input_ids": [tok(t)["input_ids"] for t in ROWS]})
        args = TrainingArguments(output_dir=os.path.join(folder, "checkpoints"), max_steps=6, per_device_train_batch_size=2,
                                 gradient_accumulation_steps=2, learning_rate=5e-3, weight_decay=0.05, warmup_steps=2, logging_steps=1,
                                 save_strategy="no", report_to=[], use_cpu=True, seed=42, disable_tqdm=True)
        trainer = Trainer(model=model, args=args, train_dataset=data, data_collator=DataCollatorForLanguageModeling(tokenizer=tok, mlm=False))
        trainer.train()
    trained, total = model.get_nb_trainable_parameters()
    log = [e for e in trainer.state.log_history if "loss" in e]
    out.update(loss=[e["loss"] for e in log], grad_norm=[float(e["grad_norm"]) for e in log], trainable=trained, parameters=total,
               final={k: sample(v) for k, v in get_peft_model_state_dict(model).items() if k in state})
    return out


def main():
    stdout, sys.stdout = sys.stdout, sys.stderr  # the Trainer prints its log
    tok = tokenizer()
    tok.pad_token = tok.eos_token  # no row holds it
    golden = {"targets": list(targets()), "variants": {}}
    for title, of in VARIANTS.items():
        golden["variants"][title] = variant(tok, *of)
    out = json.dumps(golden, ensure_ascii=True, separators=(",", ":"))
    stdout.write(out.replace('],"', '],\n"').replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
