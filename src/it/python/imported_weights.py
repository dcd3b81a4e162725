"""imported_weights.py MODEL GGUF OUT: are the weights of the imported directory those that the gguf package decodes, and those that transformers loads?"""
import json
import sys

import numpy
import torch
from gguf import GGUFReader
from gguf.quants import dequantize
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM

model, gguf, out = sys.argv[1:]

OUTER = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
INNER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def bits(values):
    return numpy.ascontiguousarray(values, dtype=numpy.float32).view(numpy.uint32)


def differing(ours, theirs):
    return ours.size if ours.shape != theirs.shape else int((bits(ours) != bits(theirs)).sum())


reader = GGUFReader(gguf)
heads = {
    "attn_q": int(reader.fields["llama.attention.head_count"].contents()),
    "attn_k": int(reader.fields["llama.attention.head_count_kv"].contents()),
}
ours = load_file(model + "/model.safetensors")
seen, values, different = set(), 0, 0
for tensor in reader.tensors:
    decoded = dequantize(tensor.data, tensor.tensor_type)
    parts = tensor.name.removesuffix(".weight").split(".")
    if parts[0] == "blk":
        name = f"model.layers.{parts[1]}.{INNER[parts[2]]}.weight"
        if parts[2] in heads:
            # convert_hf_to_gguf.py swaps the halves of a head with its pairs; this swaps them back.
            n = heads[parts[2]]
            decoded = decoded.reshape(n, decoded.shape[0] // n // 2, 2, decoded.shape[1]).swapaxes(1, 2).reshape(decoded.shape)
    else:
        name = OUTER[parts[0]] + ".weight"
    seen.add(name)
    values += ours[name].size
    different += differing(ours[name], decoded)

loaded, info = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32, output_loading_info=True)
state = loaded.state_dict()
result = {
    "tensors": len(seen),
    "only_ours": sorted(set(ours) - seen),
    "values": values,
    "different": different,
    "different_in_transformers": sum(differing(v, state[k].numpy()) for k, v in ours.items()),
    "trouble_in_transformers": sorted(str(k) for key in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs") for k in info.get(key) or ()),
}
json.dump(result, open(out, "w"))
