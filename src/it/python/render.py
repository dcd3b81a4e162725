"""render.py FOLDERS CHATS OUT: for each folder with a tokenizer and a chat template, each line of CHATS as transformers renders it, with and without generation prompt, or that it refuses."""
import json
import sys
from pathlib import Path

from transformers import AutoTokenizer

folders, chats, out = sys.argv[1:]
chats = [json.loads(line) for line in open(chats, encoding="utf-8", newline="\n")]


def rendered(tokenizer, chat, prompt):
    options = {"tools": chat.get("tools"), "add_generation_prompt": prompt}
    masked = "{%- generation" in tokenizer.chat_template
    try:
        text = tokenizer.apply_chat_template(chat["messages"], tokenize=False, **options)
        encoded = tokenizer.apply_chat_template(chat["messages"], tokenize=True, return_dict=True, return_assistant_tokens_mask=masked, **options)
    except Exception as e:  # a template's own refusal, or a type error inside it
        return {"refused": repr(e)}
    return {"text": text, "ids": encoded["input_ids"], "trained": encoded["assistant_masks"] if masked else None}


result = {}
for folder in sorted(Path(folders).iterdir()):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    result[folder.name] = [{"plain": rendered(tokenizer, chat, False), "prompted": rendered(tokenizer, chat, True)} for chat in chats]
Path(out).write_text(json.dumps(result), encoding="utf-8")
