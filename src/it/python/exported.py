"""exported.py BASE ADAPTER MERGED F16 Q8_0 LINES OUT: what transformers, peft and gguf read in exported models.

OUT gets `losses`, of each line's text by the merged directory and by base and adapter; `merged`, the largest difference of a merged weight to
peft's own merge; and of each GGUF file `tensors`, those whose bytes are not what gguf makes of the merged weights, and `tokens`, whether its tokens are the tokenizer's.
"""
import json
import sys

import gguf
import numpy as np
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base, adapter, merged, f16, q8, lines, out = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(merged)
ours = AutoModelForCausalLM.from_pretrained(merged)
assert ours.dtype == torch.float32, ours.dtype
theirs = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), adapter)


def losses(model):
    for line in open(lines):
        ids = torch.tensor([tokenizer(json.loads(line)["text"])["input_ids"]])
        with torch.no_grad():
            logits = model(input_ids=ids).logits[0, :-1].double()
        yield torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum").item()


result = {"losses": [list(losses(ours)), list(losses(theirs))]}
unloaded = theirs.merge_and_unload().state_dict()
weights = ours.state_dict()
result["merged"] = max((weights[name] - unloaded[name]).abs().max().item() for name in unloaded)
names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, ours.config.num_hidden_layers)


def permuted(rows, heads):
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def read(file):
    reader = gguf.GGUFReader(file)
    found = {t.name: t for t in reader.tensors}
    wrong = []
    for name, weight in weights.items():
        if name == "lm_head.weight" and ours.config.tie_word_embeddings:
            continue
        values = weight.numpy()
        if "q_proj" in name:
            values = permuted(values, ours.config.num_attention_heads)
        if "k_proj" in name:
            values = permuted(values, ours.config.num_key_value_heads)
        tensor = found.pop(names.get_name(name.removesuffix(".weight")) + ".weight")
        expected = gguf.quants.quantize(values, tensor.tensor_type) if tensor.tensor_type != gguf.GGMLQuantizationType.F32 else values
        if not np.array_equal(np.asarray(tensor.data).view(np.uint8).ravel(), np.ascontiguousarray(expected).view(np.uint8).ravel()):
            wrong.append(name)
    tokens = reader.fields["tokenizer.ggml.tokens"]
    texts = [bytes(tokens.parts[i]).decode() for i in tokens.data]
    return {
        "wrong": wrong + sorted(found),
        "types": sorted({t.tensor_type.name for t in reader.tensors}),
        "tokens": texts == tokenizer.convert_ids_to_tokens(range(len(texts))),
        "template": bytes(reader.fields["tokenizer.chat_template"].parts[-1]).decode() == tokenizer.chat_template,
    }


result["f16"], result["q8_0"] = read(f16), read(q8)
json.dump(result, open(out, "w"))
