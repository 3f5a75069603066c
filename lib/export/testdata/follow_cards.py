"""Runs the Python of the README.md of each folder in a folder, there; prints, as JSON, what each printed.

`follow_cards.py FOLDER`. Needs what the cards need: transformers, torch, onnxruntime, tokenizers.
"""

import contextlib
import io
import json
import os
import re
import sys

printed = {}
for name in sorted(os.listdir(sys.argv[1])):
    folder = os.path.join(os.path.abspath(sys.argv[1]), name)
    with open(os.path.join(folder, "README.md"), encoding="utf-8") as file:
        [code] = re.findall(r"```python\n(.*?)```", file.read(), re.DOTALL)
    os.chdir(folder)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(code, {})
    printed[name] = out.getvalue()
json.dump(printed, sys.stdout)
