"""What the two trainings from preferences have in common: pairs, and the numbers of the training.

Usage: python setting.py DIR; writes DIR/pairs.jsonl, DIR/held.jsonl, and the answers of the latter as DIR/answers.jsonl, after
models.py of tests/peer/engine has written DIR.
"""
import json
import os
import sys

STEPS = 10
ARGS = {
    "max_steps": STEPS, "per_device_train_batch_size": 2, "gradient_accumulation_steps": 2, "learning_rate": 0.003, "weight_decay": 0.01,
    "warmup_steps": 3, "logging_steps": 1, "max_grad_norm": 0.0, "seed": 42, "max_length": 256,
}
TARGETS = {"gpt2": ["c_attn", "c_proj", "c_fc"], "llama": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]}
CENTER = 0.01
BETA = 0.3


def write(root):
    texts = [json.loads(line)["text"] for line in open(os.path.join(root, "train.jsonl"))]
    marker = "<|assistant|>\n"
    split = [(t[:t.index(marker) + len(marker)], t[t.index(marker) + len(marker):]) for t in texts]
    for name, shift in (("pairs", 1), ("held", 4)):
        with open(os.path.join(root, name + ".jsonl"), "w") as f:
            for i, (prompt, answer) in enumerate(split):
                row = {"prompt": prompt, "chosen": answer, "rejected": split[(i + shift) % len(split)][1]}
                f.write(json.dumps(row) + "\n")
            # The answers begin alike, one with a character of four bytes.
            f.write(json.dumps({"prompt": split[0][0], "chosen": "Rest \U0001F691 and water.", "rejected": "Rest \U0001F691 and wine."}) + "\n")


    with open(os.path.join(root, "answers.jsonl"), "w") as f:
        for row in map(json.loads, open(os.path.join(root, "held.jsonl"))):
            for side in ("chosen", "rejected"):
                f.write(json.dumps({"question": row["prompt"], "answer": row[side]}) + "\n")


def job(root, architecture, **more):
    """The file that elara-worker reads, with TRL's keys."""
    return {
        "base_model": os.path.join(root, architecture), "train_data_path": os.path.join(root, "pairs.jsonl"),
        "lora_config": {"r": 4, "alpha": 8, "target_modules": TARGETS[architecture]},
        "training_args": {**ARGS, "save_steps": 1, "train_sampling_strategy": "sequential", **more},
    }


if __name__ == "__main__":
    write(sys.argv[1])
