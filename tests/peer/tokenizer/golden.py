# Writes data/tokenizer/testdata/golden.jsonl: the ids of every hard text for GPT-2, SmolLM2, Llama-3 and Qwen3, as
# Python's tokenizers gives them without adding special tokens. Run ./fetch first; run from the repository's root:
#   python tests/peer/tokenizer/golden.py
# Versions: tokenizers 0.23.3, gguf 0.19.0 (to read SmolLM2's vocabulary out of the model file), Python 3.11.
import json
import os
import pathlib

import gguf
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from texts import all_texts

VOCAB = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "elara" / "vocab"
SMOLLM2 = os.environ.get("ELARA_SMOLLM2") or str(VOCAB / "smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf")
OUT = pathlib.Path("data/tokenizer/testdata/golden.jsonl")


def gpt2():
    t = Tokenizer(models.BPE.from_file(str(VOCAB / "gpt2" / "vocab.json"), str(VOCAB / "gpt2" / "merges.txt")))
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens(["<|endoftext|>"])
    return t


def smollm2():
    """SmolLM2's tokenizer.json made of what the GGUF file says: pre-tokenizer "smollm" is single digits, then GPT-2's."""
    fields = gguf.GGUFReader(SMOLLM2).fields
    get = lambda key: fields["tokenizer.ggml." + key].contents()
    assert get("pre") == "smollm"
    tokens, types = get("tokens"), get("token_type")
    merges = [tuple(m.split(" ")) for m in get("merges")]
    t = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens([AddedToken(token, normalized=False, special=True) for token, kind in zip(tokens, types) if kind == 3])
    return t


if __name__ == "__main__":
    tokenizers = {
        "gpt2": gpt2(),
        "smollm2": smollm2(),
        "llama3": Tokenizer.from_file(str(VOCAB / "llama3" / "tokenizer.json")),
        "qwen3": Tokenizer.from_file(str(VOCAB / "qwen3" / "tokenizer.json")),
    }
    with OUT.open("w") as out:
        for text in all_texts():
            row = {"text": text}
            for name, t in tokenizers.items():
                row[name] = t.encode(text, add_special_tokens=False).ids
            out.write(json.dumps(row, separators=(",", ":")) + "\n")
    print(OUT, len(all_texts()), "texts")
