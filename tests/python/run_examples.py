"""Runs the Python blocks of docs/python.md one after the other, as one program.

    run_examples.py docs/python.md [SERVER'S ADDRESS]     in a folder with model, images, labels
"""
import re
import sys
from pathlib import Path

document, address = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
blocks = re.findall(r"^```python\n(.*?)^```", Path(document).read_text(), re.M | re.S)
assert len(blocks) > 5, "the document has no examples"
names = {}
for block in blocks:
    if "nnunet_native.client(" in block:
        if address is None:
            continue
        block = block.replace("http://127.0.0.1:8000", address)
    print(f">>> {block}", flush=True)
    exec(compile(block, document, "exec"), names)
print(f"ok: {len(blocks)} examples")
