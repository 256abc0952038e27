"""Plans for short trainings, and a look at label maps: see nnunet_v2_special_sets.sh.

    narrow FOLDER NAME        FOLDER/NAME.json: its nnUNetPlans with few filters
    maps RAW MAPS LABEL..     a label map of each training image, on its grid, of these labels and 0 only
    same ONE OTHER            the same files, voxel for voxel
"""
import json
import sys
from pathlib import Path

import nibabel
import numpy as np
from skimage import io

MOST_FILTERS = 32  # nnU-Net's own begin with so many


def narrow(folder, name):
    plans = json.loads((Path(folder) / "nnUNetPlans.json").read_text())
    plans["plans_name"] = name
    for configuration in plans["configurations"].values():
        arguments = configuration.get("architecture", {}).get("arch_kwargs", {})
        if "features_per_stage" in arguments:
            arguments["features_per_stage"] = [min(n // 4, MOST_FILTERS) for n in arguments["features_per_stage"]]
        if "batch_size" in configuration:
            configuration["batch_size"] = 2
    (Path(folder) / f"{name}.json").write_text(json.dumps(plans, indent=4))


def labels_of(file):
    """Voxels, and where they lie."""
    if file.suffix == ".png":
        return io.imread(file), None
    image = nibabel.load(file)
    return np.asarray(image.dataobj), image.affine


def grid_of(file):
    if file.suffix == ".png":
        return io.imread(file).shape[:2], None
    image = nibabel.load(file)
    return image.shape, image.affine


def maps_in(folder, ending):
    found = {file.name: file for file in Path(folder).glob(f"*{ending}")}
    assert found, f"no label maps in {folder}"
    return found


def maps(raw, predicted, *labels):
    allowed = {0, *map(int, labels)}
    ending = json.loads((Path(raw) / "dataset.json").read_text())["file_ending"]
    images = {file.name.replace(f"_0000{ending}", ending): file for file in (Path(raw) / "imagesTr").glob(f"*_0000{ending}")}
    found = maps_in(predicted, ending)
    assert sorted(found) == sorted(images), (sorted(found), sorted(images))
    seen = set()
    for name, file in found.items():
        voxels, affine = labels_of(file)
        shape, wanted = grid_of(images[name])
        assert voxels.shape == tuple(shape), (name, voxels.shape, shape)
        assert wanted is None or np.allclose(affine, wanted, atol=1e-5), (name, affine, wanted)
        values = set(np.unique(voxels).tolist())
        assert values <= allowed, (name, sorted(values - allowed))
        seen |= values
    assert len(seen) > 1, f"{predicted}: one label only, nothing to look at"
    print(f"{Path(raw).name}: {len(found)} label maps, {len(seen)} of {len(allowed)} labels")


def same(one, other):
    ending = json.loads((Path(one) / "dataset.json").read_text())["file_ending"]
    first, second = maps_in(one, ending), maps_in(other, ending)
    assert sorted(first) == sorted(second), (sorted(first), sorted(second))
    for name in first:
        a, b = labels_of(first[name])[0], labels_of(second[name])[0]
        assert a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b), name


if __name__ == "__main__":
    {"narrow": narrow, "maps": maps, "same": same}[sys.argv[1]](*sys.argv[2:])
