"""Starts a module as 3D Slicer does: slicer_module.py MODULE CHECKPOINT IMAGE LABEL_MAP"""

import logging
import re
import subprocess
import sys

import ctk_cli


class Complaints(logging.Handler):
    def __init__(self):
        super().__init__()
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())


def words(parameter, files):
    """What Slicer puts on the command line for an unchanged panel in which files were chosen."""
    if parameter.typ == "boolean":
        return [parameter.longflag] if parameter.default is True else []
    value = files.get(parameter.name, parameter.default)
    if parameter.typ in ("image", "file", "directory", "string") and not value:
        return []
    return [parameter.longflag, str(value)]


def main(path, checkpoint, image, label_map):
    complaints = Complaints()
    logging.getLogger().addHandler(complaints)
    module = ctk_cli.CLIModule(path)
    assert not complaints.texts, complaints.texts
    arguments, options, outputs = module.classifyParameters()
    assert not arguments and not outputs, (arguments, outputs)
    files = {"input": image, "output": label_map, "ckpt_path": checkpoint}
    assert {p.channel for p in options if p.typ == "image"} == {"input", "output"}
    command = [path] + [word for p in options for word in words(p, files)]
    print(" ".join(command[1:]))
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert run.returncode == 0, run.stderr
    tags = re.findall(r"^<(/?filter-\w+)>", run.stdout, re.M)
    assert tags[0] == "filter-start" and tags[-1] == "/filter-end", tags
    shares = [float(s) for s in re.findall(r"<filter-progress>([0-9.]+)</filter-progress>", run.stdout)]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1 and len(shares) > 2, shares
    print(f"{len(options)} parameters, {len(shares)} lines of progress")


main(*sys.argv[1:])
