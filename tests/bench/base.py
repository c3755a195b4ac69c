"""Writes the SmolLM2 of a GGUF file as a Hugging Face folder, for both sides of the benchmark. transformers 5.23.0.

usage: base.py MODEL.gguf OUT
"""
import os
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

source, out = sys.argv[1], sys.argv[2]
folder, file = os.path.split(source)
stored = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32)
config = stored.config
if hasattr(config, "quantization_config"):
    del config.quantization_config
model = LlamaForCausalLM(config)
model.load_state_dict(stored.state_dict())
model.tie_weights()
model.save_pretrained(out)
AutoTokenizer.from_pretrained(folder, gguf_file=file).save_pretrained(out)
