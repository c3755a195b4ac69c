"""Generates in turns with build/generation: transformers 5.23.0, torch 2.11.0, at their best here.

usage: peer.py MODEL PROGRAM THREADS ROUNDS

16 medical questions of 34 to 205 tokens, greedy, up to 96 new tokens, ended by the end-of-text token; for Python padded on the
left, with sdpa attention and the quicker of a dynamic and a static cache. After a round to warm up, each round runs one after the
other, in float32 and bfloat16. One line of JSON: medians for each type and whether the tokens are the same.

Two programs in bfloat16 round differently, and where two tokens lie near each other they choose differently. Where a text
differs, `near` says that at its first difference the two tokens' logits in float32 are no further apart than twice what bfloat16
changes in Python's own logits there, at most, among the sixteen best. The rest of such a text is not compared.
"""
import json
import os
import resource
import statistics
import subprocess
import sys
import time

import torch
import transformers

folder, program, threads, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
MAX_NEW = 96
TOPICS = ["anaemia", "gout", "croup", "sepsis", "eczema", "hypertension", "insulin", "asthma"]
CASE = "The patient is {} years old, has had {} for {} days, takes no other medicines and has no known allergies. "


def prompts(tokenizer):
    texts = []
    for i in range(16):
        topic = TOPICS[i % len(TOPICS)]
        case = "".join(CASE.format(20 + 3 * i + j, TOPICS[(i + j) % len(TOPICS)], 2 + j) for j in range((i * 5) % 7))
        texts.append(case + (f"What is {topic}?" if i % 2 else f"How is {topic} treated, and when should one see a doctor?"))
    chats = [[{"role": "user", "content": text}] for text in texts]
    return [tokenizer(tokenizer.apply_chat_template(c, tokenize=False, add_generation_prompt=True))["input_ids"] for c in chats]


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def continued(model, ids, eos, **how):
    longest = max(map(len, ids))
    padded = torch.tensor([[eos] * (longest - len(p)) + p for p in ids])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in ids])
    begin, spent = time.perf_counter(), cpu_seconds()
    out = model.generate(input_ids=padded, attention_mask=mask, max_new_tokens=MAX_NEW, do_sample=False, eos_token_id=eos, pad_token_id=eos, **how)
    seconds, cpu = time.perf_counter() - begin, cpu_seconds() - spent
    tokens = []
    for row in out[:, longest:].tolist():
        tokens.append(row[: row.index(eos) + 1] if eos in row else row)
    return {"seconds": seconds, "cpu_seconds": cpu, "tokens": tokens}


def near(model, exact, ids, ours, theirs):
    at = next(i for i in range(min(len(ours), len(theirs))) if ours[i] != theirs[i])
    text = torch.tensor([ids + theirs[:at]])
    rounded, true = model(text).logits[0, -1].float(), exact(text).logits[0, -1]
    noise = (rounded - true)[true.topk(16).indices].abs().max()
    return bool((true[ours[at]] - true[theirs[at]]).abs() <= 2 * noise)


def load(dtype):
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa").eval()


@torch.inference_mode()
def measure(dtype, ids, eos):
    model = load(dtype)
    name = str(dtype).removeprefix("torch.")
    ours = subprocess.Popen([program, folder, name, str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run():
        ours.stdin.write(json.dumps({"prompts": ids, "max_new_tokens": MAX_NEW, "eos": eos}) + "\n")
        ours.stdin.flush()
        return json.loads(ours.stdout.readline())

    ways = [{}, {"cache_implementation": "static"}]
    took = [continued(model, ids, eos, **way) for way in ways]
    best = min(range(2), key=lambda i: took[i]["cpu_seconds"])
    run()
    mine, peers = [], []
    for _ in range(rounds):
        mine.append(run())
        peers.append(continued(model, ids, eos, **ways[best]))
    ours.stdin.close()
    ours.wait()
    pairs = list(zip(ids, mine[0]["tokens"], peers[0]["tokens"]))
    differ = [(p, a, b) for p, a, b in pairs if a != b]
    exact = load(torch.float32) if differ else None

    def median(key, runs):
        return statistics.median(r[key] for r in runs)

    return {
        "cache": ["dynamic", "static"][best],
        "tokens": sum(len(a) for _, a, _ in pairs),
        "ours": median("seconds", mine),
        "python": median("seconds", peers),
        "ratio": statistics.median(b["seconds"] / a["seconds"] for a, b in zip(mine, peers)),
        "cpu_ratio": statistics.median(b["cpu_seconds"] / a["cpu_seconds"] for a, b in zip(mine, peers)),
        "same": len(pairs) - len(differ),
        "near": sum(near(model, exact, p, a, b) for p, a, b in differ),
        "texts": len(pairs),
    }


tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
ids = prompts(tokenizer)
eos = tokenizer.eos_token_id
answer = {"prompt_tokens": [min(map(len, ids)), max(map(len, ids))], "load": os.getloadavg()[0]}
for dtype in (torch.float32, torch.bfloat16):
    answer[str(dtype).removeprefix("torch.")] = measure(dtype, ids, eos)
print(json.dumps(answer))
