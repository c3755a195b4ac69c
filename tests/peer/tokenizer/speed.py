"""How long Python's tokenizers take, for tests/proof/tokenizer-speed. tokenizers 0.23.3, gguf 0.19.0, Python 3.11.

usage: speed.py DIR

Reads lines "VOCABULARY<TAB>TEXT", encodes the list of texts in DIR/TEXT.json, and answers each with a line of JSON: the
CPU-seconds of this process, and the SHA-256 of the ids (of each text their number and then they, as little-endian uint32).
One thread; encode_batch_fast, the quickest of its ways to encode a list: it leaves out the places of tokens in the text.
"""
import array
import hashlib
import json
import os
import pathlib
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import tokenizers

import golden

directory = pathlib.Path(sys.argv[1])
loaders = {
    "gpt2": golden.gpt2,
    "smollm2": golden.smollm2,
    "llama3": lambda: tokenizers.Tokenizer.from_file(str(golden.VOCAB / "llama3" / "tokenizer.json")),
    "qwen3": lambda: tokenizers.Tokenizer.from_file(str(golden.VOCAB / "qwen3" / "tokenizer.json")),
}
loaded = {}

print("tokenizers", tokenizers.__version__, flush=True)
for line in sys.stdin:
    vocabulary, text = line.rstrip("\n").split("\t")
    if vocabulary not in loaded:
        loaded = {vocabulary: loaders[vocabulary]()}
    tokenizer = loaded[vocabulary]
    texts = json.loads((directory / (text + ".json")).read_text(encoding="utf-8"))
    begin = time.process_time()
    ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    seconds = time.process_time() - begin
    digest = hashlib.sha256()
    for row in ids:
        digest.update(array.array("I", [len(row), *row]).tobytes())
    print(json.dumps({"seconds": seconds, "digest": digest.hexdigest()}), flush=True)
