"""Writes engine/model/auto/testdata: a tiny random model of each GGUF architecture, by the gguf package, and gguf.json with the
log-probabilities that transformers computes on the same weights in float32, and the numbers of its configuration.

Tensor names, the order of llama's query and key rows and the divisors of rope_freqs.weight follow llama.cpp's
convert_hf_to_gguf.py. The expected values come from the model that was converted, not from the file: transformers' own
reader of GGUF passes over rope_freqs.weight.

Versions the committed files were made with: Python 3.11.7, torch 2.11.0, transformers 5.23.0, gguf 0.19.0.
Usage: python gguf_families.py engine/model/auto/testdata
"""
import copy
import json
import math
import sys

import gguf
import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM

SHAPE = dict(vocab_size=64, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
             max_position_embeddings=16384, rms_norm_eps=1e-5, bos_token_id=None, eos_token_id=3, pad_token_id=5, initializer_range=0.2)
MODELS = {
    "llama3": dict(SHAPE, model_type="llama", tie_word_embeddings=False, attention_bias=True, rope_theta=500000.0, rope_scaling=dict(
        rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192)),
    "qwen2": dict(SHAPE, model_type="qwen2", tie_word_embeddings=True, rope_theta=1000000.0),
    "qwen3": dict(SHAPE, model_type="qwen3", tie_word_embeddings=True, rope_theta=1000000.0, head_dim=12),
}
NAMES = [("model.embed_tokens.", "token_embd."), ("model.norm.", "output_norm."), ("lm_head.", "output."), ("model.layers.", "blk."),
         ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"), ("self_attn.v_proj", "attn_v"), ("self_attn.o_proj", "attn_output"),
         ("self_attn.q_norm", "attn_q_norm"), ("self_attn.k_norm", "attn_k_norm"), ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"),
         ("mlp.down_proj", "ffn_down"), ("post_attention_layernorm", "ffn_norm"), ("input_layernorm", "attn_norm")]
TOKENS, SCORED = 2300, 96  # the first and the last predictions of one long text are kept


def text():
    return [(7 * i * i + 11 * i + i // 64) % 64 for i in range(TOKENS)]


def interleaved(a, heads):
    return a.reshape(heads, 2, a.shape[0] // heads // 2, *a.shape[1:]).swapaxes(1, 2).reshape(a.shape)


def divisors(numbers, width):
    s = numbers["rope_scaling"]
    out = []
    for i in range(0, width, 2):
        wavelength = 2 * math.pi * numbers["rope_theta"] ** (i / width)
        if wavelength < s["original_max_position_embeddings"] / s["high_freq_factor"]:
            out.append(1.0)
        elif wavelength > s["original_max_position_embeddings"] / s["low_freq_factor"]:
            out.append(s["factor"])
        else:
            smooth = (s["original_max_position_embeddings"] / wavelength - s["low_freq_factor"]) / (s["high_freq_factor"] - s["low_freq_factor"])
            out.append(1 / ((1 - smooth) / s["factor"] + smooth))
    return np.array(out, dtype=np.float32)


def main(out):
    ids = text()
    golden = {"ids": ids, "models": {}}
    for seed, (name, numbers) in enumerate(MODELS.items()):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**copy.deepcopy(numbers)), attn_implementation="eager").eval()
        width = getattr(model.config, "head_dim", None) or numbers["hidden_size"] // numbers["num_attention_heads"]
        with torch.no_grad():
            for n, p in model.named_parameters():
                if p.dim() == 1:  # norms of ones and biases of zeros would hide a mistake
                    p.add_(torch.randn_like(p) * 0.2)
                p.copy_(p.half().float() if p.dim() == 2 else p)
        w = gguf.GGUFWriter(f"{out}/{name}.gguf", arch := numbers["model_type"])
        w.add_embedding_length(numbers["hidden_size"])
        w.add_feed_forward_length(numbers["intermediate_size"])
        w.add_block_count(numbers["num_hidden_layers"])
        w.add_head_count(numbers["num_attention_heads"])
        w.add_head_count_kv(numbers["num_key_value_heads"])
        w.add_context_length(numbers["max_position_embeddings"])
        w.add_layer_norm_rms_eps(numbers["rms_norm_eps"])
        w.add_rope_freq_base(numbers["rope_theta"])
        w.add_rope_dimension_count(width)
        if arch == "qwen3":
            w.add_key_length(width)
            w.add_value_length(width)
        w.add_eos_token_id(numbers["eos_token_id"])
        w.add_pad_token_id(numbers["pad_token_id"])
        if "rope_scaling" in numbers:
            w.add_tensor("rope_freqs.weight", divisors(numbers, width))
        for n, p in model.named_parameters():
            a = p.detach().numpy()
            if arch == "llama" and ("q_proj" in n or "k_proj" in n):
                a = interleaved(a, numbers["num_attention_heads" if "q_proj" in n else "num_key_value_heads"])
            for ours, theirs in NAMES:
                n = n.replace(ours, theirs)
            w.add_tensor(n, np.ascontiguousarray(a.astype(np.float16) if a.ndim == 2 else a))
        w.write_header_to_file()
        w.write_kv_data_to_file()
        w.write_tensors_to_file()
        w.close()
        with torch.no_grad():
            rows = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
        picked = [round(v, 7) for v in rows[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0].tolist()]
        numbers = {k: v for k, v in numbers.items() if k not in ("bos_token_id", "initializer_range")}
        golden["models"][name] = {"config": numbers | {"head_dim": width}, "first": picked[:SCORED], "last": picked[-SCORED:]}
    with open(f"{out}/gguf.json", "w") as f:
        f.write(json.dumps(golden, separators=(",", ":")).replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
