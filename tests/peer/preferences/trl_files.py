"""Writes what data/trl is compared with, and reads what it has written.

    python tests/peer/preferences/trl_files.py            writes data/trl/testdata and data/preference/testdata/digests.json
    python tests/peer/preferences/trl_files.py FILE...    loads files as TRL's trainers do and prints their rows

Versions: the Python of tests/peer/venv (datasets 5.2.0, pyarrow 26.0.1). TRL's forms: its guide "Dataset formats and types",
preference with explicit prompt, standard and conversational.
"""

import hashlib
import json
import sys

import datasets

PLAIN = [
    {"prompt": "What is asthma?", "chosen": "A disease of the airways.", "rejected": "A skin rash."},
    {"prompt": "Is 40 °C a fever?", "chosen": "Yes — see a doctor. 医生 🩺", "rejected": "No."},
    {"prompt": "Line\nbreak\ttab \"quotes\" \\ <b>&</b>\u2028", "chosen": "a\u0007b\u001fc\u007f", "rejected": "z"},
]
CHAT = [
    {
        "prompt": [{"role": "system", "content": "You are careful."}, {"role": "user", "content": "Is it urgent?"}],
        "chosen": [{"role": "assistant", "content": "Call an ambulance."}],
        "rejected": [{"role": "assistant", "content": "Wait a week."}],
    },
    {
        "prompt": [
            {"role": "user", "content": "I cough."},
            {"role": "assistant", "content": "Since when?"},
            {"role": "user", "content": "Since Monday."},
        ],
        "chosen": [{"role": "assistant", "content": "Rest, and drink."}],
        "rejected": [{"role": "assistant", "content": "Run a marathon."}],
    },
]


def canonical(row):
    """RFC 8785 of a pair, for texts without numbers: sorted keys, no blanks, characters as they are."""
    return json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def write():
    folder = "data/trl/testdata/"
    for name, rows in [("plain", PLAIN), ("chat", CHAT)]:
        dataset = datasets.Dataset.from_list(rows).add_column("score_chosen", [0.5] * len(rows))
        dataset.to_parquet(folder + name + ".parquet")
        dataset.to_json(folder + name + ".jsonl", force_ascii=False)
    with open(folder + "rows.json", "w") as out:
        json.dump({"plain": PLAIN, "chat": CHAT}, out, indent=1)
        out.write("\n")
    digests = []
    for row in PLAIN + CHAT:
        text = lambda value: value if isinstance(value, str) else value[0]["content"]
        pair = {"prompt": row["prompt"], "response_a": text(row["chosen"]), "response_b": text(row["rejected"])}
        digests.append({"pair": pair, "sha256": hashlib.sha256(canonical(pair)).hexdigest()})
    with open("data/preference/testdata/digests.json", "w") as out:
        json.dump(digests, out, indent=1)
        out.write("\n")


def read(paths):
    for path in paths:
        kind = "parquet" if path.endswith(".parquet") else "json"
        for row in datasets.load_dataset(kind, data_files=path, split="train"):
            chat = isinstance(row["prompt"], list)
            assert chat == isinstance(row["chosen"], list) == isinstance(row["rejected"], list)
            if chat:
                row = {k: [{"role": m["role"], "content": m["content"]} for m in v] if isinstance(v, list) else v for k, v in row.items()}
            print(json.dumps(row, sort_keys=True))


if len(sys.argv) > 1:
    read(sys.argv[1:])
else:
    write()
