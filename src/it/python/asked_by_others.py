"""asked_by_others.py STORE OUT QUESTIONS: what delta-rs and DuckDB find in a store's lineage tables, by the Python blocks of our own pages.

Runs README's block, and that of docs/tables.md, in a folder where they find the store STORE and the SQL files under the names they use, and asks each
question of the file QUESTIONS, JSON as [{"name": ..., "parameters": {...}}], through the function that the second defines. Writes to the file OUT,
as JSON: `trained`, the rows that README's block finds; `answers`, for each question its `columns` and `rows` (times as microseconds since 1970); and
`comments`: of each table its own under "", and its columns'.
"""
import json
import os
import pathlib
import re
import sys
import tempfile

import pyarrow
from deltalake import DeltaTable

store, out, questions = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
project = pathlib.Path(__file__).resolve().parents[3]
there = pathlib.Path(tempfile.mkdtemp())
(there / "retune-store").symlink_to(store)
(there / "lineage").symlink_to(project / "lineage")
os.chdir(there)


def defined(page):
    (block,) = re.findall(r"```python\n(.*?)```", (project / page).read_text(), re.DOTALL)
    names = {}
    exec(block, names)
    return names


trained = defined("README.md")["trained"].to_arrow_table().to_pylist()
ask = defined("docs/tables.md")["ask"]


def plain(column):
    return column.cast(pyarrow.int64()) if pyarrow.types.is_timestamp(column.type) else column


def answer(question):
    found = ask(question["name"], **question["parameters"])
    columns = [plain(column).to_pylist() for column in found.columns]
    return {"columns": found.column_names, "rows": list(zip(*columns))}


def comments(table):
    delta = DeltaTable(table)
    return {"": delta.metadata().description, **{f.name: f.metadata.get("comment") for f in delta.schema().fields}}


json.dump(
    {
        "trained": trained,
        "answers": [answer(question) for question in json.loads(questions.read_text())],
        "comments": {table.name: comments(table) for table in sorted((store / "lineage").iterdir())},
    },
    out.open("w"),
)
