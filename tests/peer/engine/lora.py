"""Trains LoRA with transformers' Trainer and PEFT from a given initial adapter, on the CPU in fp32, in the Trainer's own row order.

Usage: python lora.py MODEL_DIR TRAIN.jsonl OUT_DIR TARGETS [STEPS]
Writes OUT_DIR/init (the initial adapter), OUT_DIR/final (the trained one) and OUT_DIR/log.json (the Trainer's log_history).
"""
import json
import os
import sys

import torch
from datasets import load_dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForLanguageModeling, Trainer, TrainingArguments

model_dir, train, out, targets = sys.argv[1:5]
steps = int(sys.argv[5]) if len(sys.argv) > 5 else 20
torch.manual_seed(3)
tok = AutoTokenizer.from_pretrained(model_dir)
tok.add_special_tokens({"pad_token": "<PAD>"})
model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32, attn_implementation="eager")
rows = len(model.get_input_embeddings().weight)
model.resize_token_embeddings(len(tok))
with torch.no_grad():  # the new row is the mean of the old ones, without the noise that transformers draws around it
    weight = model.get_input_embeddings().weight
    weight[rows:] = weight[:rows].mean(0)
config = LoraConfig(r=4, lora_alpha=8, lora_dropout=0.0, bias="none", target_modules=targets.split(","), task_type="CAUSAL_LM")
model = get_peft_model(model, config)
model.print_trainable_parameters()
# B begins at zero, so that the first gradients of A vanish; a random B tests both sides from the first step on.
for name, p in model.named_parameters():
    if "lora_B" in name:
        torch.nn.init.normal_(p, std=0.02)
model.save_pretrained(os.path.join(out, "init"))
data = load_dataset("json", data_files=train, split="train")
data = data.map(lambda e: tok(e["text"], truncation=True, max_length=512), batched=True, remove_columns=["text"])
args = TrainingArguments(
    output_dir=os.path.join(out, "checkpoints"), max_steps=steps, per_device_train_batch_size=2, gradient_accumulation_steps=2,
    learning_rate=1e-2, weight_decay=0.01, warmup_steps=3, logging_steps=1, save_strategy="no", report_to=[], use_cpu=True, seed=42)
trainer = Trainer(model=model, args=args, train_dataset=data, data_collator=DataCollatorForLanguageModeling(tokenizer=tok, mlm=False))
trainer.train()
model.save_pretrained(os.path.join(out, "final"))
json.dump(trainer.state.log_history, open(os.path.join(out, "log.json"), "w"), indent=1)
