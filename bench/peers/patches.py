"""What the augmentation peers share: preprocessed cases in memory, and the measurement."""
import json
import sys
import time
from pathlib import Path

import numpy as np

PATCH = (40, 56, 40)
OVERSAMPLING = 0.33  # share of patches centred on a foreground voxel


def load(folder, count=40):
    """[(image float32 (1,D,H,W), label uint8 (1,D,H,W)), ...]"""
    images = sorted(Path(folder).glob("*_x.npy"))[:count]
    return [(np.load(path), np.load(str(path).replace("_x.npy", "_y.npy"))) for path in images]


def serve(one_batch, batch_size, warmup):
    """As worker.serve, in patches per second over a number of seconds."""
    for _ in range(warmup):
        one_batch()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        start, patches = time.perf_counter(), 0
        while time.perf_counter() - start < float(line):
            one_batch()
            patches += batch_size
        print(json.dumps({"patches_per_second": patches / (time.perf_counter() - start)}), flush=True)
