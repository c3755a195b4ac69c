"""Compares exported GGUF files with the models they were made from, in transformers and, where llama_cpp can be imported, in llama.cpp.

ROOT holds models/NAME (Hugging Face folders) and exports/NAME/QUANT/*.gguf. The reference of a file is the source model of transformers
in float32 whose weights are those that the gguf package dequantises from the file, by this script's own table of names. Checked are:

  transformers  log-probabilities of from_pretrained(gguf_file=...) against the reference, and for F32 against the source; where its
                reader of GGUF knows the model (see UNKNOWN)
  llama.cpp     ids of the texts against the source's tokenizer; log-probabilities of F32 against the reference computed in float64:
                transformers' own float32 is off it too, which is printed beside. Of other types, whose kernels quantise
                activations too, the distance from the reference and the share of equal first choices are printed
  llama-quantize  type and bytes of every tensor, against what it makes of the F32 file

Prints a JSON object: the worst differences, and counts. Versions: transformers 5.23.0, gguf 0.19.0, llama-cpp-python 0.3.16.
Usage: python compare.py ROOT
"""
import glob
import json
import os
import sys

import gguf
import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

try:
    import llama_cpp
except ImportError:
    llama_cpp = None

# What transformers' reader of GGUF does not know: scalings, biases of llama's layers, and a model that is named mistral, for which it
# looks for an architecture that the gguf package does not have, and heads of Qwen3 that are not 128 wide.
UNKNOWN = ("llama3", "llama-linear", "qwen2-yarn", "mistral", "qwen3")
LLAMA_NAMES = [("token_embd.", "model.embed_tokens."), ("output_norm.", "model.norm."), ("attn_output.", "self_attn.o_proj."),
               ("attn_q_norm.", "self_attn.q_norm."), ("attn_k_norm.", "self_attn.k_norm."), ("attn_norm.", "input_layernorm."),
               ("ffn_norm.", "post_attention_layernorm."), ("attn_q.", "self_attn.q_proj."), ("attn_k.", "self_attn.k_proj."),
               ("attn_v.", "self_attn.v_proj."), ("ffn_gate.", "mlp.gate_proj."), ("ffn_up.", "mlp.up_proj."), ("ffn_down.", "mlp.down_proj."),
               ("blk.", "model.layers.")]
GPT2_NAMES = [("token_embd.", "transformer.wte."), ("position_embd.", "transformer.wpe."), ("output_norm.", "transformer.ln_f."),
              ("attn_norm.", "ln_1."), ("ffn_norm.", "ln_2."), ("attn_qkv.", "attn.c_attn."), ("attn_output.", "attn.c_proj."),
              ("ffn_up.", "mlp.c_fc."), ("ffn_down.", "mlp.c_proj."), ("blk.", "transformer.h.")]
FTYPES = {"Q8_0": 7, "Q4_0": 2, "Q4_K": 15}


torch.set_num_threads(1)


def reference(folder, reader):
    """The source's architecture with the file's weights, dequantised."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    config, state = model.config, {}
    for t in reader.tensors:
        if t.name == "rope_freqs.weight":
            continue
        values = np.array(gguf.quants.dequantize(t.data, t.tensor_type), dtype=np.float32)
        name = t.name
        for theirs, ours in GPT2_NAMES if config.model_type == "gpt2" else LLAMA_NAMES:
            name = name.replace(theirs, ours)
        name = "lm_head.weight" if name == "output.weight" else name
        if config.model_type in ("llama", "mistral") and (".q_proj." in name or ".k_proj." in name):
            heads = config.num_attention_heads if ".q_proj." in name else config.num_key_value_heads
            values = values.reshape(heads, values.shape[0] // heads // 2, 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)
        if config.model_type == "gpt2" and values.ndim == 2 and ".h." in name:
            values = values.T
        state[name] = torch.tensor(np.ascontiguousarray(values))
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all(m == "lm_head.weight" for m in missing), (missing, unexpected)
    model.tie_weights()
    return model


def log_probabilities(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].double().log_softmax(-1).numpy()


def in_llama_cpp(path, context, all_ids):
    llm = llama_cpp.Llama(path, n_ctx=context, n_batch=context, logits_all=True, n_threads=1, verbose=False, type_k=0, type_v=0, flash_attn=False)
    out = []
    for ids in all_ids:
        llm.reset()
        llm.eval(ids)
        rows = torch.tensor(llm.scores[: len(ids)].copy()).double().log_softmax(-1).numpy()
        out.append(rows)
    return llm, out


def main(root):
    texts = [json.loads(line)["text"] for line in open(f"{root}/texts.jsonl")]
    worst = {"transformers": 0.0, "transformers_f32": 0.0, "llama_cpp_f32": 0.0, "llama_cpp_gpt2_f32": 0.0}
    counts = {"files": 0, "transformers": 0, "llama_cpp": 0, "tokens": 0, "ids_equal": 0, "ids": 0, "quantised_tensors": 0, "quantised_equal": 0, "without_q5_1": 0, "refused_there": 0}
    other = []
    for name in sorted(os.listdir(f"{root}/exports")):
        folder = f"{root}/models/{name}"
        tokenizer = AutoTokenizer.from_pretrained(folder)
        source = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        is_gpt2 = source.config.model_type == "gpt2"
        for quant in ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K"):
            found = glob.glob(f"{root}/exports/{name}/{quant}/*.gguf")
            if not found:
                continue
            path, reader = found[0], gguf.GGUFReader(found[0])
            counts["files"] += 1
            arch = reader.fields["general.architecture"].contents()
            context = int(reader.fields[f"{arch}.context_length"].contents())
            longest = min(context, 64) if source.config.vocab_size > 10000 else context  # logits of a large vocabulary take room
            all_ids = [ids for ids in (tokenizer(t, add_special_tokens=False)["input_ids"] for t in texts) if 1 < len(ids) <= longest]
            model = reference(folder, reader)
            expected = [log_probabilities(model, ids) for ids in all_ids]
            counts["tokens"] += sum(len(ids) for ids in all_ids)
            difference = lambda got, of=expected: max(float(np.abs(a - b).max()) for a, b in zip(got, of))
            line = {"model": name, "quant": quant}
            exact = expected
            if quant == "F32":
                exact = [log_probabilities(model.double(), ids) for ids in all_ids]
                line["float32 from float64"] = difference(expected, exact)
                line["source"] = difference([log_probabilities(source, ids) for ids in all_ids])
                worst["transformers_f32"] = max(worst["transformers_f32"], line["source"])
            if name not in UNKNOWN:
                theirs = AutoModelForCausalLM.from_pretrained(os.path.dirname(path), gguf_file=os.path.basename(path), dtype=torch.float32,
                                                              attn_implementation="eager").eval()
                line["transformers"] = difference([log_probabilities(theirs, ids) for ids in all_ids])
                worst["transformers"] = max(worst["transformers"], line["transformers"])
                counts["transformers"] += 1
            if llama_cpp is not None:
                llm, got = in_llama_cpp(path, min(context, 1024), all_ids)
                line["llama.cpp"] = difference(got, exact)
                agree = sum(int((a.argmax(-1) == b.argmax(-1)).sum()) for a, b in zip(got, exact))
                line["llama.cpp top-1"] = round(agree / sum(len(ids) for ids in all_ids), 4)
                counts["llama_cpp"] += 1
                if quant == "F32":
                    line["llama.cpp from float32"] = difference(got)
                    key = "llama_cpp_gpt2_f32" if is_gpt2 else "llama_cpp_f32"
                    worst[key] = max(worst[key], line["llama.cpp"])
                    for text in texts:
                        counts["ids"] += 1
                        counts["ids_equal"] += llm.tokenize(text.encode(), add_bos=False, special=True) == tokenizer(text, add_special_tokens=False)["input_ids"]
                llm.close()
                if quant in FTYPES:
                    equal, total, left, why = against_llama_quantize(f"{root}/exports/{name}/F32", quant, reader, f"{root}/quantised.gguf")
                    counts["quantised_tensors"] += total
                    counts["quantised_equal"] += equal
                    line["as llama-quantize"] = why or f"{equal} of {total}"
                    counts["refused_there"] += bool(why)
                    counts["without_q5_1"] += sum(what.endswith("there Q5_1") for what in left)
                    other += [f"{name} {quant}: {what}" for what in left]
            print(json.dumps(line), file=sys.stderr)
    print(json.dumps({"worst": worst, "counts": counts, "other": other}))


def against_llama_quantize(folder, quant, ours, scratch):
    """How many tensors have the type and the bytes that llama-quantize gives them. Of some models whose rows
    no block divides it makes no file, which why says then."""
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.nthread = FTYPES[quant], 1
    code = llama_cpp.llama_model_quantize(glob.glob(f"{folder}/*.gguf")[0].encode(), scratch.encode(), params)
    if code != 0:
        narrow = [t.name for t in ours.tensors if len(t.shape) > 1 and t.shape[0] % 32]
        assert narrow, code
        return 0, 0, [], f"refused there: the rows of {narrow[0]} are no blocks of 32"
    theirs = {t.name: t for t in gguf.GGUFReader(scratch).tensors}
    equal, left = 0, []
    for t in ours.tensors:
        same = theirs[t.name].tensor_type == t.tensor_type and theirs[t.name].data.tobytes() == t.data.tobytes()
        equal += same
        if not same:
            left.append(f"{t.name} is {t.tensor_type.name}, there {theirs[t.name].tensor_type.name}")
    os.remove(scratch)
    return equal, len(ours.tensors), left, ""


if __name__ == "__main__":
    main(sys.argv[1])
