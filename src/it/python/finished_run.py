"""finished_run.py STORE RUN OUT: what others see of a run, without a line of ours.

Reads every lineage table with delta-rs, and scores the frozen split with transformers and peft, which load base model and exported adapter from
the store. Writes to the file OUT, as JSON: `rows` by table, `steps` (the numbers in the table steps), `targets`, `recorded` and `theirs` by example id (number and sums of the
losses of its target tokens, after the last step), and `ledger`: [step, target tokens] of each training example of the run's plan.
"""
import json
import pathlib
import sys

import delta_tables
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)
store, run, out = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
tables = {p.name: delta_tables.rows(p) for p in sorted((store / "lineage").iterdir())}


def of_run(table):
    return [row for row in tables[table] if row["run"] == run]


declared = of_run("runs")[0]
end = of_run("run_ends")[0]
plan = json.load(open(store / "plans" / declared["plan_key"] / "plan.json"))
model = AutoModelForCausalLM.from_pretrained(store / "models" / declared["model_sha256"], dtype=torch.float32)
model = PeftModel.from_pretrained(model, store / end["adapter"]).eval()


def example_losses(ids, positions, labels):
    """Of a packed row, example by example, each alone."""
    starts = [i for i, p in enumerate(positions.tolist()) if p == 0] + [len(ids)]
    for begin, behind in zip(starts, starts[1:]):
        logits = model(input_ids=ids[begin:behind].long().unsqueeze(0)).logits[0]
        yield torch.nn.functional.cross_entropy(logits.double(), labels[begin:behind].long(), reduction="sum").item()


theirs = []
with torch.no_grad():
    for part in plan["evaluation"]:
        tensors = load_file(store / "plans" / declared["plan_key"] / part["file"])
        for row in range(part["count"]):
            n = tensors["used"][row].item()
            theirs += example_losses(*(tensors[name][row][:n] for name in ("input_ids", "positions", "labels")))

json.dump(
    {
        "rows": {name: len(rows) for name, rows in tables.items()},
        "steps": sorted(row["step"] for row in of_run("steps")),
        "recorded": {row["example_id"]: row["loss"] for row in of_run("evaluation_examples") if row["step"] == end["exported_step"]},
        "targets": dict(zip(plan["evaluationExamples"], plan["evaluationTargets"])),
        "theirs": dict(zip(plan["evaluationExamples"], theirs)),
        "ledger": [[row["step"], row["target_tokens"]] for row in tables["ledger"] if row["plan_key"] == declared["plan_key"] and row["split"] == "train"],
    },
    open(out, "w"),
)
