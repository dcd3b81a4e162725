"""generation.py FOLDER MODEL: continues greedily with transformers and peft, in float32, what FOLDER/task.json says.

The task: `prompts` (user messages), `limit` of new tokens, and `ours`: by "base" and "adapter", for each prompt, the ids we generated. FOLDER/adapter is the
adapter, as PEFT loads it. Writes FOLDER/theirs.json: `prompts`, the ids of each rendered prompt; `ends`, the ids that end a turn; and under "base" and
"adapter" for each prompt `ids`, without the one that ended the turn, `text`, and `gap`: where ours first differ, by how much their own logit of their choice is above that of ours, else 0.
"""
import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, path = sys.argv[1:]
task = json.load(open(folder + "/task.json"))
tokenizer = AutoTokenizer.from_pretrained(path)
model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
ends = model.generation_config.eos_token_id
ends = ends if isinstance(ends, list) else [ends]
prompts = [
    tokenizer.apply_chat_template([{"role": "user", "content": p}], add_generation_prompt=True, tokenize=True, return_dict=False)
    for p in task["prompts"]
]


def continued(model, prompt, ours):
    ids = torch.tensor([prompt])
    out = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=task["limit"],
        pad_token_id=ends[0],
        return_dict_in_generate=True,
        output_logits=True,
    )
    theirs = out.sequences[0][len(prompt) :].tolist()
    gap = 0.0
    if theirs[-1] in ends:
        ours = ours + [theirs[-1]] if ours == theirs[:-1] else ours
    for step, (one, other) in enumerate(zip(theirs, ours + [ends[0]])):
        if one != other:
            logits = out.logits[step][0].double()
            gap = (logits[one] - logits[other]).item()
            break
    theirs = theirs[:-1] if theirs[-1] in ends else theirs
    return {"ids": theirs, "text": tokenizer.decode(theirs, skip_special_tokens=True), "gap": gap}


def all_continued(model, which):
    with torch.no_grad():
        return [continued(model, prompt, ours) for prompt, ours in zip(prompts, task["ours"][which])]


result = {"prompts": prompts, "ends": ends, "base": all_continued(model, "base")}
result["adapter"] = all_continued(PeftModel.from_pretrained(model, folder + "/adapter").eval(), "adapter")
json.dump(result, open(folder + "/theirs.json", "w"))
