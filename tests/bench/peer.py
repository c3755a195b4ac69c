"""One training with Python, measured. torch 2.11.0, transformers 5.23.0, peft 0.21.2, trl 1.16.0, datasets 5.2.0.

usage: peer.py guide|best|sft MODEL TRAIN.jsonl EVAL.jsonl STEPS

guide: the choices of the guide's script: float32 weights, rows in random order, padded to the longest of their batch.
best:  what is fastest here with the same loss: bfloat16 weights, the 8 rows of each step of nearly one length (transformers' own
       grouping sorts 16 rows at a time here, and pads more), loss on the whole text.
sft:   the same settings with TRL's SFTTrainer. It packs rows without mixing them only where flash attention runs: not here.

All: rank 16 on q, k, v and o, dropout 0.1, batch 4 x 2, at most 512 tokens. Real tokens are counted, padding is not. The last
line is JSON: tokens_per_second, peak_rss_mb, seconds_to_first_step (from the start of the process to where the first step
begins), seconds (to the end of the training), heldout_loss (of float32 weights), tokens.
"""
import time

START = time.time()

import json
import random
import resource
import sys

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainerCallback, TrainingArguments, set_seed

mode, model_dir, train_file, eval_file, steps = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])
set_seed(42)
best = mode != "guide"
tokenizer = AutoTokenizer.from_pretrained(model_dir)
end = tokenizer.eos_token


def rows(path):
    with open(path, encoding="utf-8") as f:
        texts = [json.loads(line)["text"] for line in f]
    ids = [tokenizer(text + end, truncation=True, max_length=512)["input_ids"] for text in texts]
    if best:
        ids.sort(key=len)
        groups = [ids[i:i + 8] for i in range(0, len(ids), 8)]
        random.Random(42).shuffle(groups)
        ids = [row for group in groups for row in group]
    return Dataset.from_dict({"input_ids": ids, "length": [len(i) for i in ids]})


def padded(batch):
    longest = max(len(row["input_ids"]) for row in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for i, row in enumerate(batch):
        n = len(row["input_ids"])
        ids[i, :n] = torch.tensor(row["input_ids"])
        mask[i, :n] = 1
        labels[i, :n] = ids[i, :n]
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


class Clock(TrainerCallback):
    tokens = 0
    first = begin = None

    def on_train_begin(self, *_, **__):
        self.begin = time.time()

    def on_step_begin(self, *_, **__):
        if self.first is None:
            self.first = time.time() - START


clock = Clock()


def collate(batch):
    clock.tokens += sum(len(row["input_ids"]) for row in batch)
    return padded(batch)


model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.bfloat16 if best else torch.float32)
lora = LoraConfig(
    r=16, lora_alpha=32, lora_dropout=0.1, bias="none", target_modules=["q_proj", "k_proj", "v_proj", "o_proj"], task_type="CAUSAL_LM")
settings = dict(
    output_dir="unused", max_steps=steps, per_device_train_batch_size=4, gradient_accumulation_steps=2, learning_rate=1e-3,
    warmup_steps=4, logging_strategy="no", save_strategy="no", report_to=[], use_cpu=True, disable_tqdm=True, seed=42,
    train_sampling_strategy="sequential" if best else "random")
if mode == "sft":
    from trl import SFTConfig, SFTTrainer

    trainer = SFTTrainer(
        model=model, args=SFTConfig(max_length=512, gradient_checkpointing=False, bf16=False, **settings), processing_class=tokenizer,
        train_dataset=rows(train_file), peft_config=lora, callbacks=[clock])
    padding = trainer.data_collator

    def counting(batch):
        clock.tokens += sum(len(row["input_ids"]) for row in batch)
        return padding(batch)

    trainer.data_collator = counting
    model = trainer.model
else:
    model = get_peft_model(model, lora)
    trainer = Trainer(
        model=model, args=TrainingArguments(remove_unused_columns=False, **settings), train_dataset=rows(train_file),
        data_collator=collate, callbacks=[clock])
trainer.train()
done = time.time()
seconds = done - clock.begin
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
tokens = clock.tokens

model.float().eval()
total = count = 0
with torch.no_grad():
    for row in rows(eval_file):
        ids = torch.tensor([row["input_ids"]])
        logits = model(input_ids=ids).logits.float()
        total += torch.nn.functional.cross_entropy(logits[0, :-1], ids[0, 1:], reduction="sum").item()
        count += ids.shape[1] - 1
print(json.dumps({
    "tokens_per_second": tokens / seconds, "peak_rss_mb": peak, "seconds_to_first_step": clock.first, "seconds": done - START,
    "heldout_loss": total / count, "tokens": tokens}))
