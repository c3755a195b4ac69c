"""Multiple choice as lm-evaluation-harness scores it: its own tasks medqa_4options, medmcqa and pubmedqa, arc_easy for the cloze form,
and one for the generic form, on a local file in place of their data set.

Versions: lm_eval 0.4.13, torch 2.11.0, transformers 5.23.0.
It is a module; serve.py is the program. An item is the list of its choices' log-likelihoods, computed in the model's type; seconds are
those of the requests alone.
"""
import importlib.util
import json
import os
import tempfile
import time
from pathlib import Path

import torch
from lm_eval import evaluator
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks._yaml_loader import load_yaml
from transformers import AutoModelForCausalLM, AutoTokenizer

TASKS = Path(importlib.util.find_spec("lm_eval").submodule_search_locations[0]) / "tasks"


def generic_text(doc):
    lines = "".join(f"{chr(65 + i)}. {c}\n" for i, c in enumerate(doc["choices"]))
    return f"Question: {doc['question']}\n{lines}Answer:"


def task(form):
    if form == "generic":
        metrics = [{"metric": m, "aggregation": "mean", "higher_is_better": True} for m in ("acc", "acc_norm", "acc_bytes")]
        return {"task": "generic", "output_type": "multiple_choice", "doc_to_text": generic_text, "metric_list": metrics,
                "doc_to_choice": lambda doc: [chr(65 + i) for i in range(len(doc["choices"]))], "doc_to_target": lambda doc: ord(doc["answer"]) - 65}
    name = {"medqa": "medqa/medqa.yaml", "medmcqa": "medmcqa/medmcqa.yaml", "pubmedqa": "pubmedqa/pubmedqa.yaml", "cloze": "arc/arc_easy.yaml"}[form]
    config = load_yaml(TASKS / name, resolve_func=True)
    for key in ("tag", "dataset_name", "training_split", "validation_split", "should_decontaminate", "doc_to_decontamination_query"):
        config.pop(key, None)
    return config


def document(form, row):
    """A line of our files under the names that the harness's data sets have."""
    if form == "medqa":
        options = row["options"]
        return {"sent1": row["question"], **{f"ending{i}": options[k] for i, k in enumerate("ABCD")}, "label": ord(row["answer_idx"]) - 65}
    if form == "pubmedqa":
        return {"CONTEXTS": row["context"]["contexts"], "QUESTION": row["question"], "final_decision": row["final_decision"]}
    if form == "cloze":
        labels = [chr(65 + i) for i in range(len(row["choices"]))]
        return {"question": row["question"], "choices": {"label": labels, "text": row["choices"]}, "answerKey": row["answer"]}
    return row


def load(path, dtype=torch.float32):
    folder, file = (path, None) if os.path.isdir(path) else os.path.split(path)
    named = {"gguf_file": file} if file else {}
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, **named).eval()
    return model, AutoTokenizer.from_pretrained(folder, **named)


class Timed(HFLM):
    seconds = 0.0

    def loglikelihood(self, requests, disable_tqdm=False):
        begun = time.perf_counter()
        answers = super().loglikelihood(requests, disable_tqdm=True)
        self.seconds += time.perf_counter() - begun
        return answers


def run(model, tok, form, rows, batch=16):
    lm = Timed(pretrained=model, tokenizer=tok, batch_size=batch, device="cpu")
    with tempfile.TemporaryDirectory() as scratch:
        data = os.path.join(scratch, "items.jsonl")
        with open(data, "w") as f:
            f.writelines(json.dumps(document(form, row)) + "\n" for row in rows)
        config = {**task(form), "dataset_path": "json", "test_split": "test",
                  "dataset_kwargs": {"data_files": {"test": data}, "cache_dir": os.path.join(scratch, "cache")}}
        out = evaluator.simple_evaluate(lm, tasks=[config], bootstrap_iters=1, log_samples=True)
    name = config["task"]
    items = [[float(answer[0]) for answer in sample["filtered_resps"]] for sample in sorted(out["samples"][name], key=lambda s: s["doc_id"])]
    results = {key.removesuffix(",none"): value for key, value in out["results"][name].items() if isinstance(value, float)}
    return {"results": results, "items": items, "seconds": lm.seconds}

