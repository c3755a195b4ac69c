"""The merge of a real base with four adapters as PEFT does it, for time and memory beside Elara's.

Usage: python large.py adapters BASE OUT    writes four adapters, and merge.json for Elara: cat into the base
       python large.py merge BASE OUT       merges them by cat into the base, writes OUT/peft, prints {"seconds", "peak_bytes"}
"""
import json
import os
import resource
import sys
import time

began = time.time()
import torch  # noqa: E402
from peft import LoraConfig, PeftModel, get_peft_model  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

what, base, out = sys.argv[1:4]
NAMES, WEIGHTS = ["general", "patient", "doctor", "emergency"], [0.4, 0.3, 0.2, 0.1]

torch.manual_seed(7)
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
if what == "adapters":
    for name in NAMES:
        tuned = get_peft_model(model, LoraConfig(r=16, lora_alpha=32, target_modules=["q_proj", "k_proj", "v_proj", "o_proj"], task_type="CAUSAL_LM"))
        with torch.no_grad():
            for n, p in tuned.named_parameters():
                if "lora_B" in n:
                    p.normal_(std=0.02)
        tuned.save_pretrained(os.path.join(out, name))
        model = tuned.unload()
    json.dump({"base_model": base, "adapters": [{"name": n, "path": n} for n in NAMES], "into": "base", "output_dir": "ours",
               "candidates": [{"name": "cat", "combination_type": "cat", "weights": WEIGHTS}]}, open(os.path.join(out, "merge.json"), "w"))
else:
    tuned = PeftModel.from_pretrained(model, os.path.join(out, NAMES[0]), adapter_name=NAMES[0])
    for name in NAMES[1:]:
        tuned.load_adapter(os.path.join(out, name), name)
    tuned.add_weighted_adapter(NAMES, WEIGHTS, "merged", combination_type="cat")
    tuned.set_adapter("merged")
    merged = tuned.merge_and_unload()
    merged.save_pretrained(os.path.join(out, "peft"))
    AutoTokenizer.from_pretrained(base).save_pretrained(os.path.join(out, "peft"))
    print(json.dumps({"seconds": time.time() - began, "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
