"""Preprocessed cases at five times the resolution.

usage: enlarge_cases.py FROM TO D H W    the new patch
"""
import json
import sys
from pathlib import Path

import numpy as np
from scipy.ndimage import zoom

FACTOR, CASES = 5, 10

source, target = Path(sys.argv[1]), Path(sys.argv[2])
target.mkdir(parents=True, exist_ok=True)
config = json.loads((source / "config.json").read_text())
names = sorted(path.name.removesuffix("_x.npy") for path in source.glob("*_x.npy"))[:CASES]
for name in names:
    image, label = np.load(source / f"{name}_x.npy"), np.load(source / f"{name}_y.npy")
    np.save(target / f"{name}_x.npy", np.stack([zoom(channel, FACTOR, order=1) for channel in image]))
    np.save(target / f"{name}_y.npy", np.stack([zoom(channel, FACTOR, order=0) for channel in label]))
config["patch_size"] = list(map(int, sys.argv[3:]))
if "plan" in config:
    config["plan"]["window"]["patch"] = config["patch_size"]
if "cases" in config:
    config["cases"] = [case for case in config["cases"] if case["name"] in names]
(target / "config.json").write_text(json.dumps(config))
