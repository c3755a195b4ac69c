"""Writes data/gguf/testdata/quants.json: blocks of numbers, and their bytes in each type that is written. The bytes come from ggml's
reference quantisers (ggml_quantize_chunk without an importance matrix, in the library of llama-cpp-python); for the types that the
gguf package quantises too it prints in how many bytes that differs from ggml.

Versions the committed file was made with: Python 3.11.7, gguf 0.19.0, llama-cpp-python 0.3.16, numpy 2.4.6.
Usage: python quants.py data/gguf/testdata/quants.json
"""
import base64
import ctypes
import hashlib
import json
import os
import platform
import sys

import gguf
import llama_cpp
import numpy as np

TYPES = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q5_0", "Q4_K", "Q5_K", "Q6_K"]


def numbers():
    """Rows of 256, each hard in another way."""
    r = np.random.default_rng(11)
    rows = [
        r.normal(0, 0.05, 256), r.normal(0, 1, 256), r.standard_t(2, 256) * 0.02, r.uniform(-3, 5, 256), r.uniform(2, 3, 256), -r.uniform(2, 3, 256),
        np.zeros(256), np.full(256, 0.25), np.full(256, -7.0), np.round(r.normal(0, 2, 256)), r.normal(0, 1e-6, 256), r.normal(0, 1e-17, 256),
        r.normal(0, 1e-36, 256), r.normal(0, 3000, 256), np.where(np.arange(256) % 32 == 5, 4.0, 0.0), np.linspace(-1, 1, 256),
        np.concatenate([r.normal(0, 10.0 ** -k, 32) for k in range(8)]), np.where(np.arange(256) < 128, 0.0, r.normal(0, 1, 256)),
        np.full(256, -0.0), np.arange(256) / 128 - 1, np.where(np.arange(256) % 2 == 0, 1.0, -1.0), r.normal(0.5, 0.01, 256),
    ]
    return np.array(rows, dtype=np.float32)


def reference(rows, kind):
    if kind == gguf.GGMLQuantizationType.F32:
        return rows.tobytes()
    size = gguf.quant_shape_to_byte_shape(rows.shape, kind)[1] * len(rows)
    out = ctypes.create_string_buffer(size)
    library = ctypes.CDLL(os.path.join(os.path.dirname(llama_cpp.__file__), "lib", "libggml-base.so"))
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p] + [ctypes.c_int64] * 3 + [ctypes.c_void_p]
    assert library.ggml_quantize_chunk(int(kind), rows.ctypes.data, out, 0, rows.shape[0], rows.shape[1], None) == size
    return out.raw


def main(path):
    rows = numbers()
    text = lambda data: base64.b64encode(data).decode()
    golden = {"made_with": f"Python {platform.python_version()}, gguf 0.19.0, llama-cpp-python {llama_cpp.__version__}, numpy {np.__version__}",
              "values": text(rows.tobytes()), "types": {}}
    for name in TYPES:
        kind = gguf.GGMLQuantizationType[name]
        data = reference(rows, kind)
        if name not in ("F32", "F16"):
            try:
                own = gguf.quants.quantize(rows, kind).tobytes()
                if own != data:
                    print(f"{name}: the gguf package differs in {np.count_nonzero(np.frombuffer(own, np.uint8) != np.frombuffer(data, np.uint8))} bytes", file=sys.stderr)
            except NotImplementedError:
                pass
        raw = np.frombuffer(data, np.uint8).reshape(len(rows), -1)
        values = np.ascontiguousarray(gguf.quants.dequantize(raw, kind), dtype=np.float32) + np.float32(0)  # -0 becomes 0
        golden["types"][name] = {"bytes": text(data), "read_sha256": hashlib.sha256(values.tobytes()).hexdigest()}
    with open(path, "w") as f:
        f.write(json.dumps(golden, indent=0) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
