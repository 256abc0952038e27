#!/usr/bin/env python3
"""Makes tests/reference/fixtures from ../shared: those reference numbers that belong to synthetic images, networks and
label maps, so that a clone without ../shared holds itself against the reference, too. They lie under the same names.

    python3 tests/reference/make_fixtures.py [SHARED (../shared)]        needs numpy

Nothing is taken that was made from an image of a person (reference/preprocessed, data). Files are written byte for byte
alike from the same sources, so `git diff` shows what changed.
"""
import pathlib
import shutil
import sys

import numpy as np

root = pathlib.Path(__file__).resolve().parents[2]
fixtures = root / "tests/reference/fixtures"

# Formulas for weights and inputs; random fields and toy label maps. All small as they are.
WHOLE = [
    "reference/network_double.json",
    "reference/folds.json",
    "reference/augmentation.npz",
    "reference-v2/run/networks.json",
    "reference-v2/run/geometry.json",
    *(f"reference-v2/run/eval/labels/{folder}/case_{case}.nii.gz" for folder in ("ref", "pred") for case in range(4)),
    "reference-v2/run/eval/labels/pred/summary.json",
]


def save(name, arrays):
    path = fixtures / name
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)


def thinned_windows(shared):
    """Every second of the logits that are there, which are every third: "stride" says so."""
    arrays = dict(np.load(shared / "reference/sliding_window.npz"))
    thin = {name: a[:, ::2, ::2, ::2] if a.ndim == 4 else a for name, a in arrays.items()}
    save("reference/sliding_window.npz", {**thin, "stride": np.int64(6)})


def resampling(shared):
    """Cubic resampling by scikit-image, which both reference systems use for images."""
    arrays = np.load(shared / "reference-v2/plan/functions.npz")
    names = ["img3_up", "img3_down", "img3_mixed", "img3_tiny", "img3_same", "img3_sepz_axis0_up",
             "img3_sepz_axis0_down", "img3_sepz_z_same"]
    save("reference-v2/plan/functions.npz",
         {f"resample_{name}_{side}": arrays[f"resample_{name}_{side}"] for name in names for side in ("in", "out")})


def main():
    shared = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root.parent / "shared"
    if not (shared / "reference").is_dir():
        sys.exit(f"{shared}: has no folder reference; name the folder with the reference numbers")
    for folder in ("reference", "reference-v2"):  # the others have scripts of their own
        shutil.rmtree(fixtures / folder, ignore_errors=True)
    for name in WHOLE:
        (fixtures / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(shared / name, fixtures / name)
    thinned_windows(shared)
    resampling(shared)
    size = sum(path.stat().st_size for path in fixtures.rglob("*") if path.is_file())
    print(f"{fixtures}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
