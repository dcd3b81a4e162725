"""score.py MODEL DATA ADAPTER OUT: losses and gradient norms of the examples of DATA, as transformers and peft give them in float64; ADAPTER may be "".

A line of DATA has text, or messages whose assistant's tokens, found by the ids of the beginnings, are targets, or input_ids and labels.
"""
import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, data, adapter, out = sys.argv[1:]
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)
if adapter:
    model = PeftModel.from_pretrained(model, adapter, is_trainable=True)


def chat(messages):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False)
    labels = [-100] * len(ids)
    for i, message in enumerate(messages):
        if message["role"] == "assistant":
            begin = len(tokenizer.apply_chat_template(messages[:i], tokenize=True, return_dict=False, add_generation_prompt=True))
            end = len(tokenizer.apply_chat_template(messages[: i + 1], tokenize=True, return_dict=False)) - 1
            labels[begin:end] = ids[begin:end]
    return ids, labels


def tokens(line):
    if "input_ids" in line:
        return line["input_ids"], line["labels"]
    if "messages" in line:
        return chat(line["messages"])
    ids = AutoTokenizer.from_pretrained(folder)(line["text"])["input_ids"]
    return ids, ids


lines = [tokens(json.loads(line)) for line in open(data) if line.strip()]
examples = []
total = sum(sum(label != -100 for label in labels[1:]) for _, labels in lines)
for ids, labels in lines:
    if len(ids) == 1:
        examples.append({"loss": 0.0, "targets": 0})
        continue
    logits = model(input_ids=torch.tensor([ids])).logits[0, :-1]
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels[1:]), ignore_index=-100, reduction="sum")
    (loss / total).backward()
    examples.append({"loss": loss.item(), "targets": sum(label != -100 for label in labels[1:])})
norms = {name.replace(".default", ""): parameter.grad.double().norm().item() for name, parameter in model.named_parameters() if parameter.requires_grad}
json.dump({"loss": sum(e["loss"] for e in examples) / total, "targets": total, "examples": examples, "norms": norms}, open(out, "w"))
