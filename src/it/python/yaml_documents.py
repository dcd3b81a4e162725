"""yaml_documents.py FILE... OUT: the documents of YAML files, as a JSON array in the file OUT."""
import json
import pathlib
import sys

import yaml

*files, out = map(pathlib.Path, sys.argv[1:])
json.dump([document for file in files for document in yaml.safe_load_all(file.read_text())], out.open("w"))
