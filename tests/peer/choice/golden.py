"""Writes engine/recipes/testdata/choice.json: what lm-evaluation-harness gives for questions of all forms on the tiny models of
tests/peer/engine/golden.py, whose weights follow a formula.

Usage: python golden.py > engine/recipes/testdata/choice.json; the file names the versions it was made with.
"""
import json
import os
import sys
from importlib.metadata import version

import harness

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "engine"))
import golden

LONG = "Of 120 adults with heartburn, half took the tablet for eight weeks. " * 4  # beyond the models' 192 positions
FILES = {
    "medqa": [
        {"question": "What is the first step in anaphylaxis?", "options": {"A": "Adrenaline", "B": "Rest", "C": "X-ray", "D": "Iron"}, "answer_idx": "A"},
        {"question": "Na\u00efve T cells mature where?", "options": {"A": "Liver", "B": "Thymus", "C": "Spleen", "D": "Skin"}, "answer_idx": "B"},
        {"question": "Too little thyroid hormone gives ", "options": {"A": "fever", "B": "thirst", "C": "tiredness", "D": "itching"}, "answer_idx": "C"},
    ],
    "medmcqa": [
        {"id": "m1", "question": "Scurvy: lack of", "opa": "vitamin A", "opb": "vitamin B", "opc": "vitamin C", "opd": "vitamin D", "cop": 2},
        {"id": "m2", "question": "Insulin is made in", "opa": "the pancreas", "opb": "the liver", "opc": "bone", "opd": "fat", "cop": 0},
    ],
    "pubmedqa": [
        {"pubid": 1, "question": "Does it help?", "context": {"contexts": ["A trial of forty.", "It helped."]}, "final_decision": "yes"},
        {"pubid": 2, "question": "Is it safe?", "context": {"contexts": [LONG, "Nothing was seen."]}, "final_decision": "maybe"},
        {"pubid": 3, "question": "Is it new?", "context": {"contexts": ["It was known since 1950 \u2014 to some."]}, "final_decision": "no"},
    ],
    "generic": [
        {"id": "g1", "question": "Which has no cure?", "choices": ["Measles", "A cold"], "answer": "B"},
        {"id": "g2", "question": "Which is a virus? ", "choices": ["Measles", "Malaria", "Scabies", "Ringworm", "Thrush"], "answer": "A"},
    ],
    "cloze": [
        {"id": "c1", "question": "Which has no cure?", "choices": ["Measles", "A cold, which mostly passes within a week or two"], "answer": "B"},
        {"id": "c2", "question": "What does a na\u00efve T cell meet first?", "choices": ["An antigen", "A drug", "Iron "], "answer": "A"},
        {"id": "c3", "question": LONG * 2 + "Did it help?", "choices": ["Half of them", "No", "All of them, and soon", "Some"], "answer": "C"},
    ],
}

stdout, sys.stdout = sys.stdout, sys.stderr  # the harness prints
made = {"versions": {name: version(name) for name in ("lm_eval", "torch", "transformers", "tokenizers")},
        "files": {form: [json.dumps(row) for row in rows] for form, rows in FILES.items()}, "models": {}}
for name in ("llama", "gpt2"):
    model = golden.build(golden.MODELS[name])
    made["models"][name] = {}
    for form, rows in FILES.items():
        answer = harness.run(model, golden.tokenizer(), form, rows, batch=2)
        made["models"][name][form] = {"results": answer["results"], "items": [[round(v, 6) for v in item] for item in answer["items"]]}
json.dump(made, stdout, indent=1)
stdout.write("\n")
