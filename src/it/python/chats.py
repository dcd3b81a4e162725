"""chats.py MODEL CHATS OUT: each chat as transformers renders it, and what our ids and our trained ones say when decoded."""
import json
import sys

from transformers import AutoTokenizer

model, chats, out = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(model)


def decoded(ids):
    return tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)


def runs(ids, mask):
    """Ids that stand together and are all trained."""
    found, open_ = [], False
    for i, trained in zip(ids, mask):
        if trained:
            if not open_:
                found.append([])
            found[-1].append(i)
        open_ = trained
    return found


result = []
for chat in json.load(open(chats)):
    messages = [{"role": m["role"], "content": m["content"]} for m in chat["messages"]]
    text = tokenizer.apply_chat_template(messages, tokenize=False)
    ids = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False)
    result.append({"text": text, "ids": ids, "decoded": decoded(chat["ids"]), "trained": [decoded(r) for r in runs(chat["ids"], chat["trained"])]})
json.dump(result, open(out, "w"))
