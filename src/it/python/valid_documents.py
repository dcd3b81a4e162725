"""valid_documents.py SCHEMAS STORE OUT: a store's documents, held against their schemas by jsonschema.

Ends with an error at the first line of a journal, or metadata.json, that is not valid; and where a line with a key more would be. Writes the
numbers of what was valid to the file OUT, as JSON: `lines` by type of event, and `metadata`.
"""
import collections
import json
import pathlib
import sys

from jsonschema import Draft202012Validator

schemas, store, out = (pathlib.Path(argument) for argument in sys.argv[1:])


def validator(name):
    schema = json.loads((schemas / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


journal, metadata = validator("journal"), validator("metadata")
lines = collections.Counter()
for file in store.glob("runs/*/journal/*.jsonl"):
    for text in file.read_text().split("\n")[:-1]:
        line = json.loads(text)
        journal.validate(line)
        assert not journal.is_valid({**line, "more": 1})
        lines[line["event"]["type"] if "event" in line else "header"] += 1
documents = list(store.glob("runs/*/metadata.json"))
for file in documents:
    document = json.loads(file.read_text())
    metadata.validate(document)
    assert not metadata.is_valid({**document, "more": 1})
out.write_text(json.dumps({"lines": lines, "metadata": len(documents)}))
