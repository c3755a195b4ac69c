"""Writes data/export/testdata: a tiny Llama and a tiny GPT-2 as Hugging Face folders, PEFT adapters over them, and golden.json with
the weights that PEFT's merge_and_unload gives for them.

Versions the committed files were made with: Python 3.11.7, torch 2.11.0, transformers 5.23.0, peft 0.21.2, tokenizers 0.23.
Usage: python adapters.py data/export/testdata
"""
import base64
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "engine"))
import models
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

BASES = {
    "llama": dict(model_type="llama", hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1,
                  max_position_embeddings=64, tie_word_embeddings=True, initializer_range=0.1),
    "gpt2": dict(model_type="gpt2", n_embd=16, n_layer=1, n_head=2, n_positions=64, initializer_range=0.1),
}
TARGETS = {"llama": ["q_proj", "down_proj"], "gpt2": ["c_attn", "c_proj"]}
FORMS = {"lora": dict(alpha_pattern={"q_proj": 12, "c_attn": 12}), "rslora": dict(use_rslora=True), "dora": dict(use_dora=True)}


def main(out):
    golden = {}
    for name, numbers in BASES.items():
        torch.manual_seed(5)
        base = os.path.join(out, name)
        vocab = models.tokenizer(base)
        config = AutoConfig.for_model(**dict(numbers), vocab_size=vocab, bos_token_id=vocab - 1, eos_token_id=vocab - 1)
        AutoModelForCausalLM.from_config(config).save_pretrained(base)
        for form, extra in FORMS.items():
            folder = f"{base}-{form}"
            adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(base), LoraConfig(r=4, lora_alpha=8, target_modules=TARGETS[name], **extra))
            with torch.no_grad():
                for n, p in adapted.named_parameters():
                    if "lora_B" in n or "magnitude" in n:
                        p.add_(torch.randn_like(p) * 0.1)
            adapted.save_pretrained(folder)
            os.remove(f"{folder}/README.md")
            settings = json.load(open(f"{folder}/adapter_config.json"))
            settings["base_model_name_or_path"] = name
            json.dump(settings, open(f"{folder}/adapter_config.json", "w"), indent=2, sort_keys=True)
            merged = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), folder).merge_and_unload().state_dict()
            golden[f"{name}-{form}"] = {n: base64.b64encode(w.numpy().tobytes()).decode() for n, w in merged.items()
                                        if any(t in n for t in TARGETS[name]) and n.endswith(".weight")}
        for file in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
            if os.path.exists(f"{base}/{file}"):
                shutil.copy(f"{base}/{file}", f"{base}-lora/{file}")
    with open(f"{out}/golden.json", "w") as f:
        f.write(json.dumps(golden, indent=0) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
