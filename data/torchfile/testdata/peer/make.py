# Writes the files of data/torchfile/testdata with torch.save, and what torch sees in them to golden.json.
# Run it from the repository's root:
#   python data/torchfile/testdata/peer/make.py
# Versions: torch 2.11.0, Python 3.11. Keys of storages in the legacy form are addresses: they differ from run to run.
import collections
import json
import os
import pathlib

import torch
from torch.serialization import set_crc32_options

OUT = pathlib.Path("data/torchfile/testdata")


def state():
    """Every type, every way of looking at a storage."""
    torch.manual_seed(1)
    base = torch.randn(4, 6)
    d = collections.OrderedDict()
    d["f32"] = base
    d["transposed"] = base.t()
    d["tied"] = base
    d["row"] = base[2]
    d["column"] = base[:, 1]
    d["every_second"] = base[::2, 1::2]
    d["turned"] = torch.arange(24, dtype=torch.int16).reshape(2, 3, 4).permute(2, 0, 1)
    d["expanded"] = torch.tensor([1.5, -2.5]).expand(3, 2)
    d["parameter"] = torch.nn.Parameter(base[1:3])
    d["scalar"] = torch.tensor(3.25)
    d["empty"] = torch.empty(0, 5)
    d["ones"] = base.as_strided((1, 4, 1), (7, 6, 3), 2)
    for name, dtype in [("f64", torch.float64), ("f16", torch.float16), ("bf16", torch.bfloat16)]:
        d[name] = torch.tensor([[0.1, -1e3], [float("inf"), 2.0**-14]]).to(dtype)
    for name, dtype in [("i64", torch.int64), ("i32", torch.int32), ("i16", torch.int16), ("i8", torch.int8)]:
        d[name] = torch.tensor([-3, 0, 100]).to(dtype)
    d["u8"] = torch.tensor([0, 200], dtype=torch.uint8)
    d["bool"] = torch.tensor([True, False, True])
    d._metadata = collections.OrderedDict([("", {"version": 1})])
    return d


def described(d):
    names = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
             torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}
    out, first = [], {}
    for name, t in d.items():
        data = t.detach().contiguous().clone()
        out.append({
            "name": name, "dtype": names[t.dtype], "shape": list(t.shape),
            "bytes": bytes(data.untyped_storage()).hex() if t.numel() else "",
            "shares": first.setdefault(t.untyped_storage().data_ptr() or name, name),
        })
    return out


class Calls:
    """Pickles as a call."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


class Hidden(collections.OrderedDict):
    """Pickles as a dictionary whose attributes hold a call."""

    def __reduce__(self):
        return collections.OrderedDict, (), {"_metadata": Calls(eval, "1+1")}


def main():
    d = state()
    torch.save(d, OUT / "zip.bin")
    torch.save(d, OUT / "legacy.bin", _use_new_zipfile_serialization=False)
    torch.save(dict(d), OUT / "protocol4.bin", pickle_protocol=4)
    torch.save(dict(d), OUT / "legacy5.bin", pickle_protocol=5, _use_new_zipfile_serialization=False)
    set_crc32_options(False)
    torch.save(d, OUT / "nosums.bin")
    set_crc32_options(True)
    (OUT / "golden.json").write_text(json.dumps({"torch": torch.__version__, "tensors": described(d)}, indent=1) + "\n")

    t = torch.ones(2)
    refused = {
        "system": Calls(os.system, "exit 1"),
        "eval_in_entry": {"a": t, "b": Calls(eval, "1+1")},
        "eval_in_build": Hidden(),
        "getattr": {"a": Calls(getattr, t, "shape")},
        "module": torch.nn.Linear(2, 2),
        "sparse": {"a": torch.eye(2).to_sparse()},
        "quantised": {"a": torch.quantize_per_tensor(t, 0.1, 0, torch.qint8)},
        "complex": {"a": torch.ones(2, dtype=torch.complex64)},
        "negated": {"a": torch.ones(2, dtype=torch.complex64).conj().imag},
        "float8": {"a": t.to(torch.float8_e4m3fn)},
        "meta": {"a": torch.ones(2, device="meta")},
        "nested": {"state_dict": {"a": t}},
        "counter": {"a": t, "epoch": 3},
        "list": [t],
        "numbered": {7: t},
    }
    for name, value in refused.items():
        torch.save(value, OUT / f"refused_{name}.bin")
    torch.save(refused["eval_in_entry"], OUT / "refused_legacy_eval.bin", _use_new_zipfile_serialization=False)
    torch.jit.script(torch.nn.Linear(1, 1)).save(OUT / "refused_script.bin")


main()
