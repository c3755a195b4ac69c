"""Writes engine/recipes/testdata/pretrain.json: twenty steps of transformers' Trainer over all weights of models whose weights follow
the formula of golden.py, on running text that the guide's script would read, with the guide's data collator.

Versions the committed numbers were made with: Python 3.11.7, torch 2.11.0, transformers 5.23.0, datasets 5.2.0, tokenizers 0.23.3.
Usage: python pretrain.py > engine/recipes/testdata/pretrain.json

Weights are float32, little-endian, in base64: there are too many to read. The gradient of a key's bias is zero, because it moves
all scores of a query alike; Adam's epsilon is large enough here to keep the rounding of it from becoming a step. A token of the
text stands in the configuration as the padding token, so that the embedding row without a gradient is used.
"""
import base64
import copy
import json
import os
import sys
import tempfile

import torch
from datasets import load_dataset
from transformers import AutoConfig, AutoModelForCausalLM, DataCollatorForLanguageModeling, Trainer, TrainingArguments

from golden import MODELS, ROWS, fill, tokenizer

MAX_LENGTH = 48  # most rows are longer
NAMES = ["gpt2", "llama", "llama3"]  # llama has one matrix for both embeddings, llama3 two
DECAYED = ["gpt2", "llama-biased", "qwen2", "qwen3", "mistral"]


def build(name, pad):
    numbers = copy.deepcopy(MODELS[name])
    numbers["pad_token_id"] = pad
    config = AutoConfig.for_model(**copy.deepcopy(numbers), bos_token_id=256, eos_token_id=256)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    fill(model)
    return numbers, model


def train(name, corpus, out):
    tok = tokenizer()
    pad = tok("e")["input_ids"][0]
    tok.pad_token = tok.convert_ids_to_tokens(255)  # the byte 0xff, which no UTF-8 text holds
    numbers, model = build(name, pad)
    data = load_dataset("text", data_files={"train": corpus}, cache_dir=os.path.join(out, "cache"))["train"]
    data = data.map(lambda rows: tok(rows["text"], truncation=True, max_length=MAX_LENGTH), batched=True, remove_columns=["text"])
    args = TrainingArguments(output_dir=os.path.join(out, "checkpoints"), max_steps=20, per_device_train_batch_size=2, gradient_accumulation_steps=2,
                             learning_rate=1e-3, weight_decay=0.01, adam_epsilon=1e-4, warmup_steps=3, logging_steps=1, save_strategy="no", report_to=[], use_cpu=True,
                             seed=42, disable_tqdm=True, prediction_loss_only=True)
    trainer = Trainer(model=model, args=args, train_dataset=data, data_collator=DataCollatorForLanguageModeling(tokenizer=tok, mlm=False))
    trainer.train()
    log = [e for e in trainer.state.log_history if "loss" in e]
    final = {n: base64.b64encode(p.detach().numpy().tobytes()).decode() for n, p in model.named_parameters()}
    return {"config": numbers, "weights": [[n, list(p.shape)] for n, p in model.named_parameters()],
            "loss": [e["loss"] for e in log], "grad_norm": [float(e["grad_norm"]) for e in log],
            "learning_rate": [e["learning_rate"] for e in log], "epoch": [e["epoch"] for e in log], "final": final}


def decayed(name):
    """The parameters with weight decay and those without, by Trainer's own rule."""
    _, model = build(name, None)
    names = Trainer.get_decay_parameter_names(None, model)
    return {n: n in names for n, _ in model.named_parameters()}


def main():
    stdout, sys.stdout = sys.stdout, sys.stderr  # the Trainer prints its log
    golden = {"rows": ROWS, "max_length": MAX_LENGTH, "models": {}}
    with tempfile.TemporaryDirectory() as out:
        corpus = os.path.join(out, "corpus.txt")
        with open(corpus, "w") as f:
            f.write("\n".join(ROWS) + "\n")
        for name in NAMES:
            golden["models"][name] = train(name, corpus, out)
    golden["decayed"] = {name: decayed(name) for name in DECAYED}
    text = json.dumps(golden, ensure_ascii=True, separators=(",", ":"))
    stdout.write(text.replace('],"', '],\n"').replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
