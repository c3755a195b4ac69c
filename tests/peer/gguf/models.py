"""Writes small random models whose rows the blocks of 256 divide, with a byte-level tokenizer, beside those of
tests/peer/engine/models.py.

Versions: transformers 5.23.0, tokenizers 0.23.
Usage: python models.py OUT_DIR
"""
import copy
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "engine"))
import models
import torch
from transformers import AutoConfig, AutoModelForCausalLM

LLAMA = dict(models.LLAMA, initializer_range=0.04)  # wider layers, and numbers of the same size
WIDE = {
    "gpt2-256": dict(model_type="gpt2", n_embd=256, n_layer=3, n_head=4, n_positions=1024, initializer_range=0.1),
    "llama-256": dict(LLAMA, model_type="llama", hidden_size=256, intermediate_size=512, num_hidden_layers=8, num_attention_heads=4,
                      rope_theta=100000.0, tie_word_embeddings=False),
    "qwen3-256": dict(LLAMA, model_type="qwen3", hidden_size=256, intermediate_size=512, num_attention_heads=4, head_dim=128, rope_theta=1e6),
}

torch.manual_seed(3)
for name, numbers in WIDE.items():
    out = os.path.join(sys.argv[1], name)
    os.makedirs(out, exist_ok=True)
    vocab = models.tokenizer(out)
    config = AutoConfig.for_model(**copy.deepcopy(numbers), vocab_size=vocab, bos_token_id=vocab - 1, eos_token_id=vocab - 1)
    AutoModelForCausalLM.from_config(config).save_pretrained(out)
