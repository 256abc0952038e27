"""The Python blocks of docs/python.md, one after the other, as one program.

    run_examples.py docs/python.md [SERVER'S ADDRESS]     runs them, in a folder with model, images, labels; study: a DICOM series
    run_examples.py docs/python.md --print                prints them
"""
import re
import sys
from pathlib import Path

document, argument = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
blocks = re.findall(r"^```python\n(.*?)^```", Path(document).read_text(), re.M | re.S)
assert len(blocks) > 5, "the document has no examples"
if argument == "--print":
    print("\n".join(blocks))
    sys.exit()
names = {}
done = 0
for block in blocks:
    if "nnunet_native.client(" in block:
        if argument is None:
            continue
        block = block.replace("http://127.0.0.1:8000", argument)
    if 'find_series("study")' in block and not Path("study").exists():
        continue
    print(f">>> {block}", flush=True)
    exec(compile(block, document, "exec"), names)
    done += 1
print(f"ok: {done} of {len(blocks)} examples")
