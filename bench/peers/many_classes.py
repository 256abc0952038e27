"""A preprocessed folder of a CT task with many classes and blank cases: what an untrained network is made from.

usage: many_classes.py FOLDER CLASSES
"""
import json
import sys
from pathlib import Path

import numpy as np

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for case in range(5):  # one a fold
    np.save(folder / f"blank_{case}_x.npy", np.zeros((1, 128, 128, 128), np.float32))
    np.save(folder / f"blank_{case}_y.npy", np.zeros((1, 128, 128, 128), np.uint8))
(folder / "config.json").write_text(json.dumps({
    "patch_size": [128, 128, 128], "spacings": [1.5, 1.5, 1.5], "n_class": int(sys.argv[2]), "in_channels": 1,
    "modality": "CT", "ct": {"min": -900.0, "max": 700.0, "mean": 60.0, "std": 120.0}}))
