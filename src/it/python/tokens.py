"""tokens.py MODEL GGUF TEXTS OUT: token ids of ordinary texts, by transformers from the imported tokenizer.json, and by the
textbook algorithm from the vocabulary and merges in the GGUF file."""
import json
import sys

import regex
from gguf import GGUFReader
from transformers import AutoTokenizer

model, gguf, texts, out = sys.argv[1:]

# GPT-2's bytes as characters (openai/gpt-2, encoder.py): printable ones stand for themselves, others follow from 256 on.
printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
characters = {b: chr(b) for b in printable}
for b in sorted(set(range(256)) - set(printable)):
    characters[b] = chr(256 + len(characters) - len(printable))

reader = GGUFReader(gguf)
ids = {token: i for i, token in enumerate(reader.fields["tokenizer.ggml.tokens"].contents())}
rank = {tuple(m.split(" ")): i for i, m in enumerate(reader.fields["tokenizer.ggml.merges"].contents())}
# llama.cpp's pre-tokenizer "smollm": each digit alone, then GPT-2's pattern.
digits = regex.compile(r"\p{N}|\P{N}+")
words = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")


def merged(word):
    parts = [characters[b] for b in word.encode("utf-8")]
    while len(parts) > 1:
        i = min(range(len(parts) - 1), key=lambda i: rank.get((parts[i], parts[i + 1]), len(rank)))
        if (parts[i], parts[i + 1]) not in rank:
            break
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
    return [p for p in parts if p in ids]


tokenizer = AutoTokenizer.from_pretrained(model)
result = []
for text in json.load(open(texts)):
    tokens = [t for piece in digits.findall(text) for word in words.findall(piece) for t in merged(word)]
    theirs = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    result.append({"tokens": tokens, "ids": [ids[t] for t in tokens], "transformers": theirs})
json.dump(result, open(out, "w"))
