"""table_rows.py STORE OUT: every row of every lineage table, as delta-rs reads it, a JSON object a line."""
import json
import pathlib
import sys

import delta_tables

with open(sys.argv[2], "w") as out:
    for table in sorted((pathlib.Path(sys.argv[1]) / "lineage").iterdir()):
        for row in delta_tables.rows(table):
            print(json.dumps({"table": table.name, **row}, default=str), file=out)
