# Writes worker/testdata/gpt2-bin: a GPT-2 with random weights as the hub has the old ones, with pytorch_model.bin by
# torch.save, the masks that old checkpoints carry, and no safetensors; and logprobs.json, what transformers makes of a text.
#   python tests/peer/hub/torch_bin.py
# Versions: torch 2.11.0, transformers 5.23.0, Python 3.11.
import json
import pathlib
import re

import torch
from transformers import GPT2Config, GPT2LMHeadModel

OUT = pathlib.Path(__file__).parents[3] / "worker/testdata/gpt2-bin"
TEXT = "What is gout? Crystals of uric acid in a joint."


def byte_letters():
    """GPT-2's letters for the 256 bytes, in the order of its vocabulary."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    return plain + others, [chr(b) for b in plain] + [chr(256 + i) for i in range(len(others))]


OUT.mkdir(parents=True, exist_ok=True)
order, letters = byte_letters()
ids = {b: i for i, b in enumerate(order)}
vocabulary = {letter: i for i, letter in enumerate(letters)} | {"in": 256, "<|endoftext|>": 257}
(OUT / "vocab.json").write_text(json.dumps(vocabulary) + "\n")
(OUT / "merges.txt").write_text("#version: 0.2\ni n\n")

config = GPT2Config(vocab_size=258, n_positions=64, n_embd=16, n_layer=2, n_head=2, bos_token_id=257, eos_token_id=257)
torch.manual_seed(11)
model = GPT2LMHeadModel(config).eval()
with torch.no_grad():
    for p in model.parameters():  # the usual start is too small for a number that shows a mistake
        p.add_(torch.randn_like(p) * 0.2)
state = model.state_dict()
for layer in range(config.n_layer):
    mask = torch.tril(torch.ones(64, 64, dtype=torch.uint8)).view(1, 1, 64, 64)
    state[f"transformer.h.{layer}.attn.bias"] = mask
    state[f"transformer.h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
torch.save(state, OUT / "pytorch_model.bin")
described = {k: v for k, v in config.to_dict().items() if k not in ("transformers_version", "dtype")}
described["architectures"] = ["GPT2LMHeadModel"]
(OUT / "config.json").write_text(json.dumps(described, indent=2) + "\n")

pieces = [[256] if piece == b"in" else [ids[b] for b in piece] for piece in re.split(b"(in)", TEXT.encode())]
tokens = torch.tensor([sum(pieces, [])])
with torch.no_grad():
    logs = torch.log_softmax(model(tokens).logits[0, :-1].double(), -1)
wanted = logs.gather(1, tokens[0, 1:, None])[:, 0]
golden = {"text": TEXT, "ids": tokens[0].tolist(), "logprobs": [round(v, 7) for v in wanted.tolist()]}
(OUT / "logprobs.json").write_text(json.dumps(golden) + "\n")
