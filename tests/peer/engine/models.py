"""Writes a small model of each family with transformers' own random initialisation, a byte-level tokenizer, and hard texts.

Versions the committed golden values were made with: Python 3.11.7, torch 2.11.0, transformers 5.23.0, peft 0.21.2, tokenizers 0.23.
Usage: python models.py OUT_DIR
"""
import copy
import json
import os
import sys

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

TEXTS = [
    "<|system|>\nYou are Elara.\n<|user|>\nWhat are the signs of a stroke?\n<|assistant|>\nA drooping face, a weak arm, slurred speech. Call for an ambulance at once.",
    "<|system|>\nYou are Elara.\n<|user|>\nHow is asthma treated?\n<|assistant|>\nWith a reliever inhaler, and a preventer every day when attacks are frequent.",
    "Fever of 39.5 \u00b0C for 3 days; paracetamol 500 mg every 6 h, at most 4 g/day.",
    "Na\u00efve caf\u00e9 \u2014 \u03b1-blockers \U0001F691 \u4f60\u597d",
    "a",
    "Is it safe to take ibuprofen with warfarin? No: the risk of bleeding rises. Ask a pharmacist or doctor first.",
    # Far beyond the windows and the original positions below.
    " ".join(f"Day {d}: temperature {36 + d % 4}.{d % 10} degrees, pulse {60 + 7 * d % 50}, {'cough' if d % 3 else 'rash'}." for d in range(20)),
]
TRAIN = [
    f"<|system|>\nYou are Elara.\n<|user|>\n{q}\n<|assistant|>\n{a}"
    for q, a in [
        ("What is anaemia?", "Too little haemoglobin in the blood. Iron deficiency is the commonest cause."),
        ("When is a headache an emergency?", "When it is the worst ever, sudden, or comes with a stiff neck, weakness or confusion."),
        ("What helps a sprained ankle?", "Rest, ice, compression and elevation for two days, then gentle movement."),
        ("What is sepsis?", "A life-threatening reaction to infection. Call an ambulance."),
        ("How is hypertension found?", "By repeated measurement, best at home or over 24 hours."),
        ("What is gout?", "Crystals of uric acid in a joint. It is often the big toe."),
        ("Can I fly with a cold?", "Usually yes, but blocked ears hurt during descent."),
        ("What is croup?", "A barking cough in small children, often at night."),
        ("How are warts treated?", "Most go by themselves; salicylic acid or freezing speeds it up."),
        ("What is eczema?", "Dry, itchy skin. Moisturise twice a day."),
        ("What does insulin do?", "It lets sugar from the blood enter the cells."),
    ]
]


LLAMA = dict(hidden_size=96, intermediate_size=256, num_hidden_layers=4, num_attention_heads=6, num_key_value_heads=2, max_position_embeddings=1024,
             rms_norm_eps=1e-5, tie_word_embeddings=True, initializer_range=0.1)
MODELS = {
    "gpt2": dict(model_type="gpt2", n_embd=96, n_layer=4, n_head=6, n_positions=1024, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, initializer_range=0.1),
    "llama": dict(LLAMA, model_type="llama", rope_theta=100000.0),
    "llama3": dict(LLAMA, model_type="llama", tie_word_embeddings=False, rope_theta=500000.0, rope_scaling=dict(
        rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=128)),
    "llama-linear": dict(LLAMA, model_type="llama", rope_theta=10000.0, attention_bias=True, mlp_bias=True, rope_scaling=dict(rope_type="linear", factor=4.0)),
    "qwen2": dict(LLAMA, model_type="qwen2", rope_theta=1000000.0),
    "qwen2-yarn": dict(LLAMA, model_type="qwen2", tie_word_embeddings=False, rope_theta=10000.0, use_sliding_window=True, sliding_window=100,
                       max_window_layers=2, rope_scaling=dict(rope_type="yarn", factor=8.0, original_max_position_embeddings=128)),
    "qwen3": dict(LLAMA, model_type="qwen3", head_dim=24, rope_theta=1000000.0),
    "mistral": dict(LLAMA, model_type="mistral", tie_word_embeddings=False, rope_theta=10000.0, sliding_window=64),
}


def tokenizer(out):
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {c: i for i, c in enumerate(alphabet)}
    tok = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tok, eos_token="<|endoftext|>")
    fast.save_pretrained(out)
    return len(fast)


def main(root):
    torch.manual_seed(7)
    for name, numbers in MODELS.items():
        out = os.path.join(root, name)
        os.makedirs(out, exist_ok=True)
        vocab = tokenizer(out)
        config = AutoConfig.for_model(**copy.deepcopy(numbers), vocab_size=vocab, bos_token_id=vocab - 1, eos_token_id=vocab - 1)
        model = AutoModelForCausalLM.from_config(config)
        with torch.no_grad():  # norms of ones and biases of zeros would hide a mistake
            for p in model.parameters():
                if p.dim() == 1:
                    p.add_(torch.randn_like(p) * 0.1)
        model.save_pretrained(out, max_shard_size="200KB" if name == "llama" else "5GB")
    for file, texts in (("texts.jsonl", TEXTS), ("train.jsonl", TRAIN)):
        with open(os.path.join(root, file), "w") as f:
            for text in texts:
                f.write(json.dumps({"text": text}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
