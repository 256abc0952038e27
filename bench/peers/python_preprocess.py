"""Preprocessing of a dataset for a 3D network in Python: nibabel and scikit-image, one case a process of a pool.

The same work as `nnunet preprocess --dim 3`: crop to the voxels above 0, resample (cubic image, label class by class),
normalise, pad to the patch, save as .npy. Prints {"seconds": s}: the work without the interpreter's start and imports.
usage: python_preprocess.py PROCESSES OUTPUT JOB...   JOB is JSON: {"dataset", "name", "patch", "spacing" or null}
"""
import json
import sys
import time
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import nibabel
import numpy as np
from skimage.transform import resize

ANISOTROPIC = 3


def load(path, dtype):
    """(c,z,y,x) and the spacing (z,y,x)."""
    image = nibabel.load(path)
    data = np.asarray(image.dataobj, dtype=dtype)
    data = data if data.ndim == 4 else data[..., None]
    spacing = np.asarray(image.header["pixdim"][1:4])[::-1]
    return np.ascontiguousarray(data.transpose(3, 2, 1, 0)), spacing


def ct_voxels(case):
    image, spacing = load(case["image"], np.float32)
    label, _ = load(case["label"], np.uint8)
    return image[np.broadcast_to(label > 0, image.shape)], spacing


def only_spacing(case):
    return None, np.asarray(nibabel.load(case["image"]).header["pixdim"][1:4])[::-1]


def fingerprint(cases, is_ct, pool):
    """Target spacing and CT statistics (minimum, maximum, mean, standard deviation), as far as they are collected."""
    voxels, spacings = zip(*pool.map(ct_voxels if is_ct else only_spacing, cases, chunksize=1))
    target = np.median(spacings, axis=0)
    if target.max() / target.min() >= ANISOTROPIC:
        axis = np.argmax(target)
        target[axis] = np.percentile(np.asarray(spacings)[:, axis], 10)
    if not is_ct:
        return target, None
    voxels = np.concatenate(voxels)
    low, high = np.percentile(voxels, [0.5, 99.5])
    return target, (low, high, voxels.mean(dtype=np.float64), voxels.std(dtype=np.float64))


def crop(image, label):
    found = np.argwhere((image > 0).any(0))
    box = (slice(None), *(slice(a, b) for a, b in zip(found.min(0), found.max(0) + 1)))
    return image[box], label[box]


def spline(volume, shape, order):
    return resize(volume, shape, order=order, mode="edge", cval=0, clip=True, anti_aliasing=False)


def class_by_class(label, shape):
    result = np.zeros(shape, np.uint8)
    for value in np.unique(label):
        result[spline((label == value).astype(np.float32), shape, 1) >= 0.5] = value
    return result


def in_plane_then_nearest(volume, shape, resample):
    """Each (y,x) slice with `resample`, then z by nearest neighbour."""
    slices = np.stack([resample(plane, shape[1:]) for plane in volume])
    rows = (np.arange(shape[0]) + 0.5) * len(slices) / shape[0] - 0.5
    return slices[np.floor(rows + 0.5).astype(int).clip(0, len(slices) - 1)]


def resample(image, label, spacing, target):
    shape = tuple(((spacing.astype(np.float64) / target) * image.shape[1:]).astype(int))
    cubic = partial(spline, order=3)
    image_way, label_way = cubic, class_by_class
    if max(spacing.max() / spacing.min(), target.max() / target.min()) >= ANISOTROPIC:
        image_way = partial(in_plane_then_nearest, resample=cubic)
        label_way = partial(in_plane_then_nearest, resample=class_by_class)
    return np.stack([image_way(channel, shape) for channel in image]), label_way(label[0], shape)[None]


def normalise(image, ct):
    if ct is not None:
        low, high, mean, std = ct
        return (np.clip(image, low, high) - mean) / std
    mean, std = image.mean((1, 2, 3), keepdims=True), image.std((1, 2, 3), keepdims=True)
    return (image - mean) / np.where(std > 0, std, 1)


def pad(volume, patch):
    missing = np.maximum(np.asarray(patch) - volume.shape[1:], 0)
    return np.pad(volume, [(0, 0), *((m // 2, m - m // 2) for m in missing)])


def preprocess(case, target, ct, patch, output):
    image, spacing = load(case["image"], np.float32)
    label, _ = load(case["label"], np.uint8)
    image, label = crop(image, label)
    if not np.array_equal(spacing, target):
        image, label = resample(image, label, spacing, target)
    image = normalise(image, ct)
    np.save(output / f"{case['name']}_x.npy", pad(image, patch).astype(np.float32))
    np.save(output / f"{case['name']}_y.npy", pad(label, patch).astype(np.uint8))


def run(job, output, pool):
    folder = Path(job["dataset"])
    dataset = json.loads((folder / "dataset.json").read_text())
    cases = [{"name": Path(c["image"]).name.removesuffix(".nii.gz"), "image": str(folder / c["image"]),
              "label": str(folder / c["label"])} for c in dataset["training"]]
    target, ct = fingerprint(cases, dataset["modality"]["0"] == "CT", pool)
    if job["spacing"]:
        target = np.asarray(job["spacing"], np.float64)
    folder = Path(output) / job["name"]
    folder.mkdir(parents=True)
    work = partial(preprocess, target=target, ct=ct, patch=job["patch"], output=folder)
    pool.map(work, cases, chunksize=1)


def main():
    processes, output, *jobs = sys.argv[1:]
    start = time.perf_counter()
    with Pool(int(processes)) as pool:
        for job in jobs:
            run(json.loads(job), output, pool)
    print(json.dumps({"seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main()
