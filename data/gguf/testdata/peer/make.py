# Writes every.gguf (each tensor type, each metadata type) and golden.json (its tensors as the gguf package
# dequantises them) beside this folder. Versions: gguf 0.19.0, numpy 2.4.6.
# With the path of a GGUF file as argument, prints instead the SHA-256 over all its tensors, dequantised, in order.
import hashlib
import json
import pathlib
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T

here = pathlib.Path(__file__).resolve().parent.parent


def dequantised(tensor):
    return gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32).reshape(-1)


if len(sys.argv) > 1:
    digest = hashlib.sha256()
    for tensor in gguf.GGUFReader(sys.argv[1]).tensors:
        digest.update(dequantised(tensor).tobytes())
    print(digest.hexdigest())
    sys.exit()

random = np.random.default_rng(7)
writer = gguf.GGUFWriter(here / "every.gguf", "test")
writer.add_uint8("a.uint8", 200)
writer.add_int8("a.int8", -100)
writer.add_uint16("a.uint16", 60000)
writer.add_int16("a.int16", -30000)
writer.add_uint32("a.uint32", 4000000000)
writer.add_int32("a.int32", -2000000000)
writer.add_uint64("a.uint64", 2**63 + 5)
writer.add_int64("a.int64", -(2**62))
writer.add_float32("a.float32", 0.1)
writer.add_float64("a.float64", 0.1)
writer.add_bool("a.bool", True)
writer.add_string("a.string", "µg · 维生素")
writer.add_array("a.strings", ["", "Ġdose", "x\n"])
writer.add_array("a.ints", [-1, 2, 3])
writer.add_array("a.floats", [0.5, -0.25])
writer.add_array("a.bools", [True, False])


def half_edges(n):
    """Bit patterns of float16: zeros, subnormals, the largest, infinities and chance; no NaN, which has no order."""
    fixed = np.array([0, 0x8000, 1, 0x8001, 0x3FF, 0x400, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x3C00], np.uint16)
    bits = random.integers(0, 0x7C00, n, dtype=np.uint16) | (random.integers(0, 2, n, dtype=np.uint16) << 15)
    bits[: len(fixed)] = fixed[:n]
    return bits


def blocks(n, scales, values):
    """n raw blocks: float16 scales as they come, then chance bytes."""
    rows = [np.concatenate([half_edges(n).view(np.uint8).reshape(n, 2) for _ in range(scales)], axis=1)]
    rows.append(random.integers(0, 256, (n, values), dtype=np.uint8))
    return np.concatenate(rows, axis=1)


writer.add_tensor("f32", random.standard_normal((3, 5)).astype(np.float32))
writer.add_tensor("f16", half_edges(42).view(np.float16).reshape(2, 3, 7))
writer.add_tensor("bf16", random.integers(0, 0x7F80, (4, 6), dtype=np.uint16).view(np.uint8), raw_dtype=T.BF16)
writer.add_tensor("q8_0", blocks(12, 1, 32).reshape(6, 2 * 34), raw_dtype=T.Q8_0)
writer.add_tensor("q4_0", blocks(12, 1, 16).reshape(4, 3 * 18), raw_dtype=T.Q4_0)
writer.add_tensor("q4_1", blocks(12, 2, 16).reshape(12, 20), raw_dtype=T.Q4_1)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()

golden = {"tensors": []}
with np.errstate(all="ignore"):
    for tensor in gguf.GGUFReader(here / "every.gguf").tensors:
        values = dequantised(tensor)
        golden["tensors"].append({
            "name": tensor.name,
            "type": tensor.tensor_type.name,
            "shape": [int(n) for n in reversed(tensor.shape)],
            "bits": ["%08x" % b for b in values.view(np.uint32)],
        })
halves = np.arange(0, 0x10000, dtype=np.uint16)
halves = halves[(halves & 0x7FFF) <= 0x7C00]  # all but NaN
golden["all_halves_sha256"] = hashlib.sha256(halves.view(np.float16).astype(np.float32).tobytes()).hexdigest()
(here / "golden.json").write_text(json.dumps(golden, indent=None, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
