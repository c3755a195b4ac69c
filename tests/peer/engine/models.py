"""Writes small GPT-2 and Llama models with transformers' own random initialisation, a byte-level tokenizer, and hard texts.

Versions the committed golden values were made with: Python 3.11.7, torch 2.11.0, transformers 5.23.0, peft 0.21.2, tokenizers 0.23.
Usage: python models.py OUT_DIR
"""
import json
import os
import sys

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

TEXTS = [
    "<|system|>\nYou are Elara.\n<|user|>\nWhat are the signs of a stroke?\n<|assistant|>\nA drooping face, a weak arm, slurred speech. Call for an ambulance at once.",
    "<|system|>\nYou are Elara.\n<|user|>\nHow is asthma treated?\n<|assistant|>\nWith a reliever inhaler, and a preventer every day when attacks are frequent.",
    "Fever of 39.5 \u00b0C for 3 days; paracetamol 500 mg every 6 h, at most 4 g/day.",
    "Na\u00efve caf\u00e9 \u2014 \u03b1-blockers \U0001F691 \u4f60\u597d",
    "a",
    "Is it safe to take ibuprofen with warfarin? No: the risk of bleeding rises. Ask a pharmacist or doctor first.",
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
    for name in ("gpt2", "llama"):
        out = os.path.join(root, name)
        os.makedirs(out, exist_ok=True)
        vocab = tokenizer(out)
        if name == "gpt2":
            config = GPT2Config(vocab_size=vocab, n_embd=96, n_layer=4, n_head=6, n_positions=512, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0,
                                bos_token_id=vocab - 1, eos_token_id=vocab - 1, initializer_range=0.1)
            model = GPT2LMHeadModel(config)
        else:
            config = LlamaConfig(vocab_size=vocab, hidden_size=96, intermediate_size=256, num_hidden_layers=4, num_attention_heads=6,
                                 num_key_value_heads=2, max_position_embeddings=512, rope_theta=100000.0, rms_norm_eps=1e-5,
                                 tie_word_embeddings=True, bos_token_id=vocab - 1, eos_token_id=vocab - 1, initializer_range=0.1)
            model = LlamaForCausalLM(config)
        model.save_pretrained(out, max_shard_size="200KB" if name == "llama" else "5GB")
    for file, texts in (("texts.jsonl", TEXTS), ("train.jsonl", TRAIN)):
        with open(os.path.join(root, file), "w") as f:
            for text in texts:
                f.write(json.dumps({"text": text}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
