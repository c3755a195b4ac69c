"""Writes engine/recipes/testdata/golden.json: what transformers and PEFT compute on tiny models whose weights follow a formula.

Versions the committed numbers were made with: Python 3.11.7, torch 2.11.0, transformers 5.23.0, peft 0.21.2, tokenizers 0.23.3.
Usage: python golden.py > engine/recipes/testdata/golden.json

Element i of the tensor NAME is mix(fnv1a(NAME) + i) >> 16, an unsigned number of 16 bits, minus 2^15, times a power of two:
exact in float32, so that both sides hold the same weights without a file between them.
"""
import copy
import json
import os
import sys
import tempfile

import numpy as np
import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, DataCollatorForLanguageModeling, PreTrainedTokenizerFast, Trainer, TrainingArguments

TEXTS = [
    "Fever of 39.5 \u00b0C for 3 days; paracetamol 500 mg every 6 h, at most 4 g/day.",
    "Na\u00efve caf\u00e9 \u2014 \u03b1-blockers \U0001F691 \u4f60\u597d",
    "<|system|>\nAnswer briefly.\n<|user|>\nIs it safe to take ibuprofen with warfarin?\n<|assistant|>\nNo: the risk of bleeding rises.<|endoftext|>",
    "ab",
]
ROWS = [
    "What is anaemia? Too little haemoglobin in the blood.",
    "What is sepsis? A life-threatening reaction to infection.",
    "How is hypertension found? By repeated measurement at home.",
    "What is gout? Crystals of uric acid in a joint.",
    "Can I fly with a cold? Usually yes.",
    "What is croup? A barking cough in small children, often at night.",
    "What does insulin do? It lets sugar enter the cells.",
]
SHAPE = dict(vocab_size=257, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             max_position_embeddings=192)
# The longest text has 135 tokens: all scalings below reach far beyond their original positions.
MODELS = {
    "llama": dict(SHAPE, model_type="llama", rope_theta=100000.0, rms_norm_eps=1e-5, tie_word_embeddings=True),
    "llama-biased": dict(SHAPE, model_type="llama", hidden_size=24, intermediate_size=40, num_attention_heads=3, num_key_value_heads=1, head_dim=10,
                         rope_theta=10000.0, rms_norm_eps=1e-6, tie_word_embeddings=False, attention_bias=True, mlp_bias=True),
    "llama3": dict(SHAPE, model_type="llama", rope_theta=500000.0, rms_norm_eps=1e-5, tie_word_embeddings=False,
                   rope_scaling=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)),
    "llama-linear": dict(SHAPE, model_type="llama", rms_norm_eps=1e-5, tie_word_embeddings=True, rope_parameters=dict(rope_type="linear", factor=4.0, rope_theta=50000.0)),
    "qwen2": dict(SHAPE, model_type="qwen2", rope_theta=1000000.0, rms_norm_eps=1e-6, tie_word_embeddings=True, use_sliding_window=False,
                  sliding_window=32, max_window_layers=1),
    "qwen2-yarn": dict(SHAPE, model_type="qwen2", rope_theta=10000.0, rms_norm_eps=1e-6, tie_word_embeddings=True,
                       rope_scaling=dict(type="yarn", factor=6.0, original_max_position_embeddings=32)),
    "qwen3": dict(SHAPE, model_type="qwen3", head_dim=12, rms_norm_eps=1e-6, tie_word_embeddings=True, use_sliding_window=True, sliding_window=192,
                  max_window_layers=1, rope_parameters=dict(rope_type="default", rope_theta=1000000.0)),
    "mistral": dict(SHAPE, model_type="mistral", rope_theta=10000.0, rms_norm_eps=1e-5, tie_word_embeddings=False, sliding_window=192),
    "gpt2": dict(model_type="gpt2", vocab_size=257, n_embd=32, n_layer=2, n_head=4, n_positions=192, layer_norm_epsilon=1e-5, resid_pdrop=0.0,
                 embd_pdrop=0.0, attn_pdrop=0.0, tie_word_embeddings=True),
}
# Here the longest text leaves the window: in all layers, and in the second only.
WINDOWED = {
    "mistral": dict(SHAPE, model_type="mistral", rope_theta=10000.0, rms_norm_eps=1e-5, tie_word_embeddings=False, sliding_window=24),
    "qwen3": dict(SHAPE, model_type="qwen3", head_dim=12, rope_theta=10000.0, rms_norm_eps=1e-6, tie_word_embeddings=True, use_sliding_window=True,
                  sliding_window=24, max_window_layers=1),
}
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
TARGETS = {"llama": PROJECTIONS, "qwen3": PROJECTIONS, "mistral": PROJECTIONS, "gpt2": ["c_attn", "c_proj", "c_fc"]}


def formula(name, shape):
    h = np.uint32(0x811C9DC5)
    with np.errstate(over="ignore"):
        for b in name.encode():
            h = (h ^ np.uint32(b)) * np.uint32(0x01000193)
        x = h + np.arange(int(np.prod(shape)), dtype=np.uint32)
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x85EBCA6B)
        x ^= x >> np.uint32(13)
        x *= np.uint32(0xC2B2AE35)
        x ^= x >> np.uint32(16)
    unit = ((x >> np.uint32(16)).astype(np.int64) - 32768).astype(np.float64) / 32768  # [-1, 1)
    if name.endswith("lora_B.weight"):
        unit /= 16
    elif len(shape) == 2:
        unit /= 4
    else:
        unit /= 8
        if "norm" in name or "ln_" in name and name.endswith(".weight"):
            unit += 1
    return torch.tensor(unit.reshape(shape), dtype=torch.float32)


def fill(model):
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_" not in name:
                p.copy_(formula(name, tuple(p.shape)))


def build(numbers):
    config = AutoConfig.for_model(**copy.deepcopy(numbers), bos_token_id=256, eos_token_id=256)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    fill(model)
    return model.eval()


def tokenizer():
    # Ids 0 to 255 are the bytes, as GPT-2 writes them; 256 ends a text.
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    shifted, vocab = 0, {}
    for b in range(256):
        if b in printable:
            vocab[chr(b)] = b
        else:
            vocab[chr(256 + shifted)] = b
            shifted += 1
    tok = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tok, eos_token="<|endoftext|>", clean_up_tokenization_spaces=False)


def logprobs(model, tok, text):
    ids = tok(text)["input_ids"]
    with torch.no_grad():
        rows = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    picked = rows[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
    return ids, [round(v, 7) for v in picked.tolist()]


def train(name, tok):
    model = build(MODELS[name])
    rows = len(model.get_input_embeddings().weight)
    tok.add_special_tokens({"pad_token": "<PAD>"})
    model.resize_token_embeddings(len(tok))
    with torch.no_grad():  # the mean, without the noise that transformers draws around it
        weight = model.get_input_embeddings().weight
        weight[rows:] = weight[:rows].mean(0)
    config = LoraConfig(r=2, lora_alpha=6, lora_dropout=0.0, bias="none", target_modules=TARGETS[name], task_type="CAUSAL_LM",
                        fan_in_fan_out=name == "gpt2")
    model = get_peft_model(model, config)
    with torch.no_grad():
        for full, p in model.named_parameters():
            if "lora_" in full:
                p.copy_(formula(full.replace(".default", ""), tuple(p.shape)))
    data = Dataset.from_dict({"input_ids": [tok(t)["input_ids"] for t in ROWS]})
    with tempfile.TemporaryDirectory() as out:
        args = TrainingArguments(output_dir=os.path.join(out, "checkpoints"), max_steps=20, per_device_train_batch_size=2,
                                 gradient_accumulation_steps=2, learning_rate=5e-3, weight_decay=0.01, warmup_steps=3, logging_steps=1,
                                 save_strategy="no", report_to=[], use_cpu=True, seed=42, disable_tqdm=True)
        trainer = Trainer(model=model, args=args, train_dataset=data, data_collator=DataCollatorForLanguageModeling(tokenizer=tok, mlm=False))
        trainer.train()
    log = [e for e in trainer.state.log_history if "loss" in e]
    final = {full.replace(".default", ""): [float(f"{v:.7g}") for v in p.flatten().tolist()]
             for full, p in model.named_parameters() if "lora_" in full}
    return {"loss": [e["loss"] for e in log], "grad_norm": [float(e["grad_norm"]) for e in log],
            "learning_rate": [e["learning_rate"] for e in log], "epoch": [e["epoch"] for e in log], "final": final}


def scored(numbers, tok):
    model = build(numbers)
    ids, scores = map(list, zip(*(logprobs(model, tok, t) for t in TEXTS)))
    return ids, {"config": numbers, "logprobs": scores, "weights": [[n, list(p.shape)] for n, p in model.named_parameters()]}


def main():
    stdout, sys.stdout = sys.stdout, sys.stderr  # the Trainer prints its log
    golden = {"texts": TEXTS, "rows": ROWS, "models": {}, "windowed": {}}
    for name, numbers in MODELS.items():
        golden["ids"], entry = scored(numbers, tokenizer())
        if name in TARGETS:
            entry["targets"] = TARGETS[name]
            entry["lora"] = train(name, tokenizer())
        golden["models"][name] = entry
    for name, numbers in WINDOWED.items():
        golden["ids"], golden["windowed"][name] = scored(numbers, tokenizer())
    out = json.dumps(golden, ensure_ascii=True, separators=(",", ":"))
    stdout.write(out.replace('],"', '],\n"').replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
