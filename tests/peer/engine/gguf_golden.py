"""Writes engine/recipes/testdata/smollm2.json: log-probabilities of one medical text under SmolLM2, which transformers loads
from the GGUF file that set-up fetches, in float32.

Versions the committed numbers were made with: Python 3.11.7, torch 2.11.0, transformers 5.23.0, gguf 0.19.0.
Usage: python gguf_golden.py SmolLM2-135M-Instruct.Q4_1.gguf > engine/recipes/testdata/smollm2.json
"""
import json
import os
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

TEXT = ("<|im_start|>user\nMy chest hurts when I climb stairs. What should I do?<|im_end|>\n<|im_start|>assistant\n"
        "Chest pain on exertion can be angina. Stop, rest, and call an ambulance if it does not go within ten minutes.<|im_end|>\n")

folder, file = os.path.split(sys.argv[1])
tok = AutoTokenizer.from_pretrained(folder, gguf_file=file)
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32, attn_implementation="eager").eval()
ids = tok(TEXT, add_special_tokens=False)["input_ids"]
with torch.no_grad():
    rows = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
picked = rows[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
print(json.dumps({"file": file, "text": TEXT, "ids": ids, "logprobs": [round(v, 5) for v in picked.tolist()]}))
