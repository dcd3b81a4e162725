"""training.py FOLDER MODEL: trains with transformers, peft and torch.optim.AdamW what FOLDER/task.json says.

FOLDER/adapter is the adapter to start from, as PEFT loads it. Writes FOLDER/theirs.json: of each step, before its update, `own`,
the loss as transformers works it out, which is trained by, and `losses` and `each`, step's and examples', by a cross-entropy in
float64 of the same float32 logits. Writes the first step's gradients, not clipped: own-gradients.safetensors and gradients.safetensors.
"""
import json
import sys

import torch
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, get_scheduler

folder, model = sys.argv[1:]
task = json.load(open(folder + "/task.json"))
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32), folder + "/adapter", is_trainable=True)
model.train()
trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
adamw = task["adamw"]
optimizer = torch.optim.AdamW(trained.values(), lr=adamw["lr"], betas=(adamw["beta1"], adamw["beta2"]), eps=adamw["eps"], weight_decay=adamw["weightDecay"])
scheduler = get_scheduler(task["schedule"], optimizer, num_warmup_steps=task["warmup"], num_training_steps=task["scheduled_steps"])


def padded(examples):
    width = max(len(e["ids"]) for e in examples)
    ids = torch.tensor([e["ids"] + [0] * (width - len(e["ids"])) for e in examples])
    labels = torch.tensor([e["labels"] + [-100] * (width - len(e["ids"])) for e in examples])
    mask = torch.tensor([[1] * len(e["ids"]) + [0] * (width - len(e["ids"])) for e in examples])
    return ids, labels, mask


def save_gradients(name):
    save_file({n.replace(".default", ""): p.grad.contiguous() for n, p in trained.items()}, folder + "/" + name)
    optimizer.zero_grad()


losses, own, each = [], [], []
for step, examples in enumerate(task["steps"]):
    ids, labels, mask = padded(examples)
    out = model(input_ids=ids, attention_mask=mask, labels=labels)
    own.append(out.loss.item())
    with torch.set_grad_enabled(step == 0):
        tokens = torch.nn.functional.cross_entropy(out.logits[:, :-1].transpose(1, 2).double(), labels[:, 1:], reduction="none")
        precise = tokens.sum() / (labels[:, 1:] != -100).sum()
        losses.append(precise.item())
        each.append(tokens.sum(1).tolist())
    if step == 0:
        precise.backward(retain_graph=True)
        save_gradients("gradients.safetensors")
        out.loss.backward(retain_graph=True)
        save_gradients("own-gradients.safetensors")
    out.loss.backward()
    torch.nn.utils.clip_grad_norm_(trained.values(), task["clip"])
    optimizer.step()
    scheduler.step()
    optimizer.zero_grad()
json.dump({"losses": losses, "own": own, "each": each}, open(folder + "/theirs.json", "w"))
