"""Makes toy predictions for nnunet_v2_commands.sh and compares folders and JSON files.

    make FOLDER KIND       FOLDER/A, B: probabilities, properties, dataset.json, plans.json; A_maps: label maps; ref
    models RESULTS         a model's folder of a few files
    same A B               label maps and .npz of two folders
    same_json A B          numbers of two JSON files; file names do not count
"""
import json
import math
import pathlib
import pickle
import sys

import nibabel
import numpy as np
import SimpleITK as sitk

SHAPE = (9, 21, 17)
LABELS = {"labels": {"background": 0, "a": 1, "b": 2, "c": 3},
          "regions": {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "tip": 3},
          "ignore": {"background": 0, "a": 1, "b": 2, "ignore": 3},
          "affine": {"background": 0, "a": 1, "b": 2},
          "reoriented": {"background": 0, "a": 1, "b": 2}}
CANONICAL = np.array([[1.0, 0.2, 0, 5], [-0.2, 1.0, 0, 6], [0, 0, 2.0, -7], [0, 0, 0, 1]])


def image_of(array):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.9, 1.1, 2.5))
    image.SetOrigin((-4.0, 12.5, 100.25))
    c, s = math.cos(0.3), math.sin(0.3)
    image.SetDirection((c, -s, 0.0, s, c, 0.0, 0.0, 0.0, 1.0))
    return image


def turned(array):
    """An image with axes towards P, S and L, whose canonical form has this array (z, y, x)."""
    canonical = nibabel.Nifti1Image(array.transpose(2, 1, 0), CANONICAL)
    file = nibabel.orientations.axcodes2ornt(("P", "S", "L"))
    return canonical.as_reoriented(nibabel.orientations.ornt_transform(nibabel.io_orientation(CANONICAL), file))


def properties(kind):
    if kind == "affine":
        return {"nibabel_stuff": {"original_affine": CANONICAL}, "spacing": [2.0, 1.02, 1.02]}
    if kind == "reoriented":
        return {"nibabel_stuff": {"original_affine": turned(np.zeros(SHAPE, np.uint8)).affine, "reoriented_affine": CANONICAL},
                "spacing": [2.0, 1.02, 1.02]}
    image = image_of(np.zeros(SHAPE, np.uint8))
    return {"sitk_stuff": {"spacing": image.GetSpacing(), "origin": image.GetOrigin(), "direction": image.GetDirection()},
            "spacing": [2.5, 1.1, 0.9]}


def logits_and_truth(random, heads, regions):
    """A blob a class and speckles around it, so that the largest component matters."""
    z, y, x = np.indices(SHAPE)
    noise = random.normal(size=(heads, *SHAPE)).astype(np.float32)
    truth = np.zeros(SHAPE, np.uint8)
    first = 1 if regions else 0
    for head in range(heads):
        label = head + first
        if label == 0:
            noise[head] += 2
            continue
        blob = (z - 4) ** 2 + (y - 5 * label) ** 2 / 4 + (x - 8) ** 2 / 4 < 4
        if regions:
            blob = (z - 4) ** 2 + (y - 10) ** 2 / 4 + (x - 8) ** 2 / 4 < 12 - 3 * label
        truth[blob] = label
        noise[head][blob] += 4
        if regions:
            noise[head] -= 1.5
    return noise, truth


def write_map(file, array, kind):
    if kind == "affine":
        nibabel.save(nibabel.Nifti1Image(array.transpose(2, 1, 0), CANONICAL), file)
    elif kind == "reoriented":
        nibabel.save(turned(array), file)
    else:
        sitk.WriteImage(image_of(array), str(file))


def make(folder, kind):
    folder = pathlib.Path(folder)
    random = np.random.RandomState(7)
    labels = LABELS[kind]
    dataset = {"channel_names": {"0": "CT"}, "labels": labels, "numTraining": 3, "file_ending": ".nii.gz"}
    regions = kind == "regions"
    if regions:
        dataset["regions_class_order"] = [1, 2, 3]
    heads = 3 if regions else len(labels) - ("ignore" in labels)
    plans = {"dataset_name": "Dataset900_Toy", "plans_name": "nnUNetPlans", "label_manager": "LabelManager",
             "image_reader_writer": {"affine": "NibabelIO", "reoriented": "NibabelIOWithReorient"}.get(kind, "SimpleITKIO"),
             "transpose_forward": [0, 1, 2], "transpose_backward": [0, 1, 2], "configurations": {}}
    for name in ("A", "B", "A_maps", "ref"):
        (folder / name).mkdir(parents=True)
    for case in ("case_1", "case_2", "other.3"):
        for name in ("A", "B"):
            logits, truth = logits_and_truth(random, heads, regions)
            exp = np.exp(logits - logits.max(0))
            values = 1 / (1 + np.exp(-logits)) if regions else exp / exp.sum(0)
            values = values.astype(np.float32 if case != "case_2" else np.float16)
            np.savez_compressed(folder / name / f"{case}.npz", probabilities=values)
            (folder / name / f"{case}.pkl").write_bytes(pickle.dumps(properties(kind)))
        write_map(folder / "A_maps" / f"{case}.nii.gz", random.randint(0, 4 if regions else heads, SHAPE).astype(np.uint8), kind)
        if kind == "ignore":
            truth[:2] = 3
        write_map(folder / "ref" / f"{case}.nii.gz", truth, kind)
    for name in ("A", "B"):
        (folder / name / "dataset.json").write_text(json.dumps(dataset))
        (folder / name / "plans.json").write_text(json.dumps(plans))


def models(results):
    model = pathlib.Path(results) / "Dataset900_Toy/nnUNetTrainer__nnUNetPlans__3d_fullres"
    files = {"plans.json": b"{}", "dataset.json": b"{}", "dataset_fingerprint.json": b"{}", "fold_0/debug.json": b"{}",
             "fold_0/checkpoint_final.pth": np.random.RandomState(1).bytes(3000000) + bytes(3000000), "fold_0/progress.png": b"picture",
             "fold_0/validation/summary.json": b"{}", "crossval_results_folds_0/summary.json": b"{}"}
    for name, content in files.items():
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_bytes(content)


def same(a, b):
    a, b = pathlib.Path(a), pathlib.Path(b)
    names = sorted(f.name for f in b.iterdir() if f.name.endswith((".nii.gz", ".npz")))
    assert names and names == sorted(f.name for f in a.iterdir() if f.name.endswith((".nii.gz", ".npz"))), (list(a.iterdir()), names)
    for name in names:
        if name.endswith(".npz"):
            one, two = np.load(a / name)["probabilities"], np.load(b / name)["probabilities"]
            assert one.dtype == two.dtype and np.array_equal(one, two), name
            one, two = (pickle.loads((f / name).with_suffix(".pkl").read_bytes()) for f in (a, b))
            assert repr(one) == repr(two), name
        else:
            one, two = nibabel.load(a / name), nibabel.load(b / name)
            assert one.get_data_dtype() == two.get_data_dtype(), name
            assert np.array_equal(np.asarray(one.dataobj), np.asarray(two.dataobj)), name
            assert np.allclose(one.affine, two.affine, atol=1e-5), (name, one.affine, two.affine)


def same_json(a, b):
    def compare(x, y, where):
        assert type(x) is type(y), (where, x, y)
        if isinstance(x, dict):
            assert list(x) == list(y), (where, list(x), list(y))
            for key in x:
                if not key.endswith("_file"):
                    compare(x[key], y[key], f"{where}/{key}")
        elif isinstance(x, list):
            assert len(x) == len(y), where
            for i, pair in enumerate(zip(x, y)):
                compare(*pair, f"{where}/{i}")
        elif isinstance(x, float):
            assert x == y or abs(x - y) <= 1e-12 or (math.isnan(x) and math.isnan(y)), (where, x, y)
        else:
            assert x == y, (where, x, y)

    compare(*(json.loads(pathlib.Path(f).read_text()) for f in (a, b)), "")


if __name__ == "__main__":
    {"make": make, "models": models, "same": same, "same_json": same_json}[sys.argv[1]](*sys.argv[2:])
