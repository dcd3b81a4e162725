"""bench_peer.py MODEL ADAPTER WORKLOAD: transformers + peft, a step of training for each line on standard input.

A step is what transformers' Trainer does with one batch: pad to the longest, forward, backward, clip, AdamW. Its loss is the answer.
"""
import json
import os
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

model, adapter, workload = sys.argv[1:]
torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
steps = json.load(open(workload))["steps"]
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32), adapter, is_trainable=True)
model.config.use_cache = False
model.train()
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.0, fused=True)


def padded(examples, key, filler):
    width = max(len(e["ids"]) for e in examples)
    return torch.tensor([e[key] + [filler] * (width - len(e[key])) for e in examples])


print("ready", flush=True)
for line in sys.stdin:
    examples = steps[int(line) % len(steps)]
    mask = padded([{"ids": [1] * len(e["ids"])} for e in examples], "ids", 0)
    loss = model(input_ids=padded(examples, "ids", 0), attention_mask=mask, labels=padded(examples, "labels", -100)).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad()
    print(loss.item(), flush=True)
