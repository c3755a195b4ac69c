"""Writes data/modelconfig/testdata/rope.json: the rotary frequencies and the factor on cosine and sine that transformers
computes for configurations as they are published, in both forms of the keys, and for each optional key.

Versions the committed numbers were made with: Python 3.11.7, torch 2.11.0, transformers 5.23.0.
Usage: python rope.py > data/modelconfig/testdata/rope.json
"""
import json

from transformers import AutoConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

SIZE = dict(vocab_size=32, hidden_size=256, intermediate_size=8, num_hidden_layers=1, num_attention_heads=4, num_key_value_heads=2)
LLAMA3 = dict(rope_type="llama3", low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192)
YARN = dict(rope_type="yarn", factor=4.0)
CASES = {
    "plain": dict(rope_theta=10000.0),
    "no base": {},
    "base inside": dict(rope_theta=7.0, rope_parameters=dict(rope_type="default", rope_theta=1e6)),
    "rope_scaling before rope_parameters": dict(rope_theta=5e5, rope_scaling=dict(rope_type="linear", factor=2.0), rope_parameters=dict(rope_type="default", rope_theta=3e5)),
    "linear by its older key": dict(rope_theta=10000.0, rope_scaling=dict(type="linear", factor=2.5)),
    "Llama 3.1": dict(max_position_embeddings=131072, rope_theta=500000.0, rope_scaling=dict(LLAMA3, factor=8.0)),
    "Llama 3.2": dict(max_position_embeddings=131072, rope_parameters=dict(LLAMA3, factor=32.0, rope_theta=500000.0)),
    "Qwen 2.5 with YaRN": dict(max_position_embeddings=32768, rope_theta=1000000.0, rope_scaling=dict(type="yarn", factor=4.0, original_max_position_embeddings=32768)),
    "YaRN without original positions": dict(max_position_embeddings=4096, rope_theta=10000.0, rope_scaling=dict(YARN)),
    "YaRN with original positions outside": dict(max_position_embeddings=8192, original_max_position_embeddings=2048, rope_theta=10000.0, rope_scaling=dict(YARN)),
    "YaRN with attention_factor": dict(max_position_embeddings=8192, rope_theta=10000.0, rope_scaling=dict(YARN, original_max_position_embeddings=2048, attention_factor=1.3)),
    "YaRN with mscale": dict(max_position_embeddings=8192, rope_theta=10000.0, rope_scaling=dict(YARN, original_max_position_embeddings=2048, mscale=0.707, mscale_all_dim=0.5)),
    "YaRN with borders": dict(max_position_embeddings=8192, rope_theta=10000.0, rope_scaling=dict(YARN, original_max_position_embeddings=2048, beta_fast=16.0, beta_slow=2.0)),
    "YaRN without truncation": dict(max_position_embeddings=8192, rope_theta=10000.0, rope_scaling=dict(YARN, original_max_position_embeddings=2048, truncate=False)),
}

golden = {}
for name, numbers in CASES.items():
    written = json.loads(json.dumps(SIZE | numbers | {"model_type": "llama"}))
    rotary = LlamaRotaryEmbedding(AutoConfig.for_model(**numbers, **SIZE, model_type="llama"))
    golden[name] = {"config": written, "frequencies": [float(f"{v:.9g}") for v in rotary.inv_freq.tolist()], "attention": rotary.attention_scaling}
print(json.dumps(golden, separators=(",", ":")).replace('},"', '},\n"'))
