"""asked_by_others.py PAGE STORE SQL QUESTIONS OUT: what delta-rs and DuckDB find in a store's lineage tables, by docs/tables.md's own snippet.

Runs the page's Python block in a folder where it finds the store STORE and the SQL files SQL under the names it uses, and asks each question of
the file QUESTIONS, JSON as [{"name": ..., "parameters": {...}}], through the function it defines. Writes to the file OUT, as JSON: `answers`, for
each question its `columns` and `rows` (times as microseconds since 1970), and `comments`: of each table its own under "", and its columns'.
"""
import json
import os
import pathlib
import re
import sys
import tempfile

import pyarrow
from deltalake import DeltaTable

page, store, sql, questions, out = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])

(block,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
there = pathlib.Path(tempfile.mkdtemp())
(there / "retune-store").symlink_to(store)
(there / "lineage").symlink_to(sql)
os.chdir(there)
snippet = {}
exec(block, snippet)


def plain(column):
    return column.cast(pyarrow.int64()) if pyarrow.types.is_timestamp(column.type) else column


def answer(question):
    found = snippet["ask"](question["name"], **question["parameters"])
    columns = [plain(column).to_pylist() for column in found.columns]
    return {"columns": found.column_names, "rows": list(zip(*columns))}


def comments(table):
    delta = DeltaTable(table)
    return {"": delta.metadata().description, **{f.name: f.metadata.get("comment") for f in delta.schema().fields}}


json.dump(
    {
        "answers": [answer(question) for question in json.loads(questions.read_text())],
        "comments": {table.name: comments(table) for table in sorted((store / "lineage").iterdir())},
    },
    out.open("w"),
)
