# Loads a saved tokenizer with transformers' AutoTokenizer and prints its length, its end and padding tokens and, for
# each text of golden.py, the ids without special tokens, as one JSON object. Run by the Go test of data/tokenizer:
#   python tests/peer/tokenizer/saved.py FOLDER [PAD]
# With PAD it adds that padding token first, as a training script would.
# Versions: transformers 5.23.0, tokenizers 0.23.3.
import json
import sys

from transformers import AutoTokenizer

from texts import all_texts

t = AutoTokenizer.from_pretrained(sys.argv[1])
if len(sys.argv) > 2:
    t.add_special_tokens({"pad_token": sys.argv[2]})
print(json.dumps({
    "len": len(t),
    "eos": t.eos_token or "",
    "pad": t.pad_token or "",
    "pad_id": t.pad_token_id if t.pad_token else -1,
    "texts": all_texts(),
    "ids": [t(text, add_special_tokens=False)["input_ids"] for text in all_texts()],
}))
