# Writes, beside each other in data/tokenizer/testdata:
#   small/              small tokenizers, one for each way of cutting text, some as GGUF files for a model too
#   small/golden.jsonl  what they give in Python: ids with and without special tokens, decoded text
#   pieces.jsonl        where the pre-tokenizers cut the hard texts
#   short_pieces.json   digests of where they cut all texts of up to four characters
#   unicode.json        digests of what the library's parts hold letters, numbers, spaces, word characters and
#                       canonical forms to be, over all of Unicode
# They need no download. Run from the repository's root:
#   python tests/peer/tokenizer/small.py
# Versions: tokenizers 0.23.3, gguf 0.19.0, Python 3.11.
import hashlib
import itertools
import json
import pathlib

import gguf
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors,
                        trainers)

from texts import CODE, MEDICAL, all_texts

OUT = pathlib.Path("data/tokenizer/testdata/small")
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace("{1,3}", "")

FLAGGED = [
    AddedToken("<end>", special=True, normalized=False),
    AddedToken("<L>", lstrip=True, special=True, normalized=False),
    AddedToken("<R>", rstrip=True, special=True, normalized=False),
    AddedToken("<B>", lstrip=True, rstrip=True, normalized=False),
    AddedToken("stat", single_word=True, normalized=False),
    AddedToken("stat sig", normalized=False),
    AddedToken("cafe\u0301", normalized=True),
    AddedToken("Å", normalized=True, single_word=True),
    AddedToken("<end><L>", normalized=False),
]
FLAG_TEXTS = [
    "a <L> b", "a  \n<L>b", "<L> <L>", "a<R> \t b", "a <R>", "x <B> y", "<B> <B>", " <L><R> ", "a <R> <L> b",
    "stat", "stat.", "now stat now", "statim", "restat", "stat_", "stat1", "éstat", "stat\u0301", "stat-stat", "stat sig", "a stat sign",
    "café", "cafe\u0301", "caf\u00e9s", "A\u030a", "Å", "\u212b", "Åx", "x\u212b", "<end><L>", "<end> <L>", "<end><end>", "<L", "<en<end>d>",
    "\u200dstat", "stat\u200c", "stat\u1ccf0", "\u0897stat", "stat漢", "stat!", "<B>\u00a0\u2003x", "x\u3000<B>",
]


def train(pre, special, size):
    """A byte-level vocabulary learnt from the texts."""
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    t.train_from_iterator(MEDICAL + CODE + FLAG_TEXTS, trainer)
    model = json.loads(t.to_str())["model"]
    return model["vocab"], [tuple(m) for m in model["merges"]]


def without(vocab, merges, lost):
    """The vocabulary without the tokens that need one of the lost bytes, ids closed up."""
    kept = [token for token in sorted(vocab, key=vocab.get) if not any(c in token for c in lost)]
    vocab = {token: i for i, token in enumerate(kept)}
    return vocab, [m for m in merges if m[0] + m[1] in vocab]


def build(vocab, merges, pre, normalizer=None, post=None, added=FLAGGED, **options):
    t = Tokenizer(models.BPE(vocab=vocab, merges=merges, **options))
    t.pre_tokenizer, t.decoder = pre, decoders.ByteLevel()
    if normalizer:
        t.normalizer = normalizer
    if post:
        t.post_processor = post
    t.add_tokens(added)
    return t


def variants():
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    split = lambda pattern: pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), bytes_only])
    vocab, merges = train(byte_level, ["<|endoftext|>"], 520)
    yield "gpt2", build(vocab, merges, byte_level, added=[AddedToken("<|endoftext|>", special=True, normalized=False)])
    yield "prefix", build(vocab, merges, pre_tokenizers.ByteLevel(add_prefix_space=True))
    lost = {c for b, c in zip(bytes([0, 27, 127, 0xE0, 0xF0]), "ĀěġàðX")}
    few, few_merges = without(vocab, merges, lost)
    digits = pre_tokenizers.Digits(individual_digits=True)
    yield "digits", build(few, few_merges, pre_tokenizers.Sequence([digits, byte_level]))
    runs = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=False), byte_level])
    yield "unknown", build(few, few_merges, runs, normalizers.NFD(), unk_token="<|endoftext|>")
    yield "fused", build(few, few_merges, bytes_only, normalizers.Sequence([normalizers.NFD(), normalizers.NFC()]),
                         unk_token="<|endoftext|>", fuse_unk=True)
    vocab, merges = train(split(LLAMA3), ["<|begin|>", "<|finish|>"], 520)
    whole = dict(vocab)
    for token in ["Ġpatient", "fever", "zzz", "Ġ漢"]:
        whole.setdefault("".join(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(token.replace("Ġ", " "))[0][0]), len(whole))
    post = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
        single="<|begin|> $A <|finish|>", pair="<|begin|> $A <|begin|>:1 $B:1", special_tokens=[("<|begin|>", 0), ("<|finish|>", 1)])])
    yield "llama3", build(whole, merges, split(LLAMA3), post=post, ignore_merges=True,
                          added=[AddedToken("<|begin|>", special=True, normalized=False), *FLAGGED])
    yield "qwen2", build(vocab, merges, split(QWEN2), normalizers.NFC())


def saved_variants():
    for name, t in variants():
        (OUT / (name + ".json")).write_text(t.to_str() + "\n")
        yield name + ".json", t


def write_gguf(path, t, pre, special, bos, eos, unused=0, **flags):
    """The tokenizer's vocabulary as a model file carries it."""
    model = json.loads(t.to_str())["model"]
    tokens = sorted(t.get_vocab(), key=t.get_vocab().get)
    kinds = [3 if token in special else 4 if token in FLAG_WORDS else 1 for token in tokens]
    tokens += ["[PAD%d]" % i for i in range(unused)]
    kinds += [5] * unused
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(m) for m in model["merges"]])
    writer.add_bos_token_id(tokens.index(bos))
    writer.add_eos_token_id(tokens.index(eos))
    for name, value in flags.items():
        getattr(writer, name)(value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


FLAG_WORDS = ["stat", "stat sig"]


def gguf_variants():
    """Tokenizers as a GGUF file can describe them: added tokens have no flags but special."""
    plain = [AddedToken(word, normalized=False) for word in FLAG_WORDS]
    by_name = dict(variants())
    for name, pre in [("gpt2", "gpt-2"), ("digits", "smollm"), ("llama3", "llama-bpe"), ("qwen2", "qwen2")]:
        source = by_name[name]
        model = json.loads(source.to_str())["model"]
        merges = [tuple(m) for m in model["merges"]]
        special = [token for token in ["<|endoftext|>", "<|begin|>", "<|finish|>"] if token in model["vocab"]]
        t = build(model["vocab"], merges, source.pre_tokenizer, source.normalizer, None,
                  [AddedToken(token, special=True, normalized=False) for token in special] + plain,
                  ignore_merges=model["ignore_merges"])
        bos, eos = special[0], special[-1]
        flags = {"add_chat_template": "{{ x }}"}
        if name == "llama3":
            flags["add_add_bos_token"] = True
            t.post_processor = processors.TemplateProcessing(single=bos + " $A", special_tokens=[(bos, model["vocab"][bos])])
        path = OUT / (pre + ".gguf")
        write_gguf(path, t, pre, special, bos, eos, unused=3 if name == "qwen2" else 0, **flags)
        yield path.name, t


def cutters():
    """The ways of cutting, by the names that the Go scanners have."""
    yield "gpt2", pre_tokenizers.ByteLevel(add_prefix_space=False)
    yield "llama3", pre_tokenizers.Split(Regex(LLAMA3), "isolated")
    yield "qwen2", pre_tokenizers.Split(Regex(QWEN2), "isolated")
    yield "digit", pre_tokenizers.Digits(individual_digits=True)
    yield "digits", pre_tokenizers.Digits(individual_digits=False)


def lengths(cutter, text):
    """The lengths, in bytes, of the pieces that text is cut into."""
    return [len(text[start:end].encode()) for _, (start, end) in cutter.pre_tokenize_str(text)]


SHORT_ALPHABET = "'sLvE \n\r\u00a01!\u00e9\u017f"


def short_digests():
    """For each way of cutting the digest of the pieces' lengths over all texts of up to four of these characters."""
    for name, cutter in cutters():
        h = hashlib.sha256()
        for n in range(1, 5):
            for chars in itertools.product(SHORT_ALPHABET, repeat=n):
                h.update(bytes([*lengths(cutter, "".join(chars)), 255]))
        yield name, h.hexdigest()


def unicode_digests():
    scalars = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]

    def digest(numbers):
        h = hashlib.sha256()
        for n in numbers:
            h.update(n.to_bytes(4, "little"))
        return h.hexdigest()

    def matching(pattern):
        split = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
        return [ord(c) for c, _ in split.pre_tokenize_str("".join(map(chr, scalars)))]

    def before_word(c):  # a single word is not found before a word character
        return word.token_to_id("XYZ") not in word.encode("XYZ" + chr(c)).ids

    word = Tokenizer(models.BPE(vocab={"Q": 0}, merges=[]))
    word.add_tokens([AddedToken("XYZ", single_word=True, normalized=False)])
    digits = pre_tokenizers.Digits(individual_digits=True).pre_tokenize_str("".join("a" + chr(c) for c in scalars))
    yield "letters", digest(matching(r"\p{L}"))
    yield "numbers", digest(matching(r"\p{N}"))
    yield "spaces", digest(matching(r"\s"))
    yield "digits", digest(ord(c) for c, _ in digits if not c.startswith("a"))
    yield "words", digest(c for c in scalars if before_word(c))
    for name, form in [("nfc", normalizers.NFC()), ("nfd", normalizers.NFD())]:
        # Each character between marks of the lowest and highest classes shows its own class and its compositions.
        yield name, digest(ord(r) for c in scalars for r in form.normalize_str("a\u0345" + chr(c) + "\u0334\u0301x"))


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    texts = FLAG_TEXTS + [text for text in all_texts()[::5] if len(text) < 120]
    with (OUT / "golden.jsonl").open("w") as out:
        for name, t in [*saved_variants(), *gguf_variants()]:
            for text in texts[:: 4 if name.endswith(".gguf") else 1]:
                ids = t.encode(text, add_special_tokens=False).ids
                around = t.encode(text, add_special_tokens=True).ids
                out.write(json.dumps({"tokenizer": name, "text": text, "ids": ids, "with_special": around,
                                      "decoded": t.decode(ids, skip_special_tokens=False),
                                      "without_special": t.decode(ids, skip_special_tokens=True)}, separators=(",", ":")) + "\n")
    with (OUT.parent / "pieces.jsonl").open("w") as out:
        for text in all_texts():
            if len(text) < 150:
                row = {"text": text} | {name: lengths(cutter, text) for name, cutter in cutters()}
                out.write(json.dumps(row, separators=(",", ":")) + "\n")
    for name, digests in [("unicode.json", unicode_digests()), ("short_pieces.json", short_digests())]:
        (OUT.parent / name).write_text(json.dumps(dict(digests), indent=1) + "\n")
