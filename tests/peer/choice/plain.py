"""The scores of harness.py from transformers alone, for choices of one token: one pass a question, sorted by length, padded on the
left, logits of the last token only.

Versions: torch 2.11.0, transformers 5.23.0. A module of serve.py.
"""
import time

import harness
import torch


def run(model, tok, form, rows, batch=16):
    assert form == "generic", form
    texts = [harness.generic_text(row) for row in rows]
    begun = time.perf_counter()
    prompts = [tok(text)["input_ids"] for text in texts]
    letters = []
    for row, text, prompt in zip(rows, texts, prompts):
        ids = [tok(text + " " + chr(65 + i))["input_ids"][len(prompt):] for i in range(len(row["choices"]))]
        assert all(len(choice) == 1 for choice in ids), "a choice of more than one token"
        letters.append([choice[0] for choice in ids])
    items = [None] * len(rows)
    order = sorted(range(len(rows)), key=lambda i: -len(prompts[i]))
    for begin in range(0, len(order), batch):
        part = order[begin:begin + batch]
        width = len(prompts[part[0]])
        ids = torch.tensor([[0] * (width - len(prompts[i])) + prompts[i] for i in part])
        mask = torch.tensor([[0] * (width - len(prompts[i])) + [1] * len(prompts[i]) for i in part])
        places = (mask.cumsum(-1) - 1).clamp(min=0)
        with torch.inference_mode():
            rows_of = model(ids, attention_mask=mask, position_ids=places, logits_to_keep=1, use_cache=False).logits[:, 0].log_softmax(-1)
        for i, scores in zip(part, rows_of):
            items[i] = scores[letters[i]].tolist()
    return {"results": {}, "items": items, "seconds": time.perf_counter() - begun}

