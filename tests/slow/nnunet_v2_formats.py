"""Tiny untrained models, images of all formats, and their predictions by nnU-Net v2, for nnunet_v2_formats.sh.

    make_and_predict WORK KIND..   WORK/KIND: in, theirs, configuration; the model as a dataset's in WORK
    compare WORK KIND..            WORK/KIND/ours with WORK/KIND/theirs: every file
"""
import json
import math
import pathlib
import pickle
import sys

import nibabel
import numpy as np
import SimpleITK as sitk

# Label maps of random weights are full of detail: a voxel in a thousand may be a tie that rounding decides.
MOST_VOXELS, MOST_PROBABILITY = 1e-3, 5e-3

KINDS = {
    # ending, reader, names of channels, dimension, transpose_forward, target spacing
    "png": (".png", "NaturalImage2DIO", ["R", "G", "B"], 2, [0, 1, 2], [1, 1]),
    "grey": (".png", "NaturalImage2DIO", ["grey"], 2, [0, 1, 2], [1, 1]),
    "bmp": (".bmp", "NaturalImage2DIO", ["R", "G", "B"], 2, [0, 1, 2], [1, 1]),
    "tif": (".tif", "Tiff3DIO", ["light"], 3, [0, 1, 2], [2.0, 0.9, 0.9]),
    "nrrd": (".nrrd", "SimpleITKIO", ["T1", "T2"], 3, [2, 0, 1], [0.8, 1.9, 1.1]),
    "mha": (".mha", "SimpleITKIO", ["CT"], 3, [0, 1, 2], [4.0, 0.8, 0.8]),
    "nibabel": (".nii.gz", "NibabelIO", ["CT"], 3, [1, 0, 2], [1.0, 2.0, 1.0]),
    "nibabel_reorient": (".nii.gz", "NibabelIOWithReorient", ["CT"], 3, [0, 1, 2], [2.0, 1.1, 1.0]),
    "sitk_reorient": (".nii.gz", "SimpleITKIOWithReorient", ["T1"], 3, [1, 2, 0], [1.1, 1.0, 2.0]),
}


def plans_of(kind):
    ending, reader, channels, dim, transpose, spacing = KINDS[kind]
    patch, stride = ([24, 32], [2, 2]) if dim == 2 else ([8, 16, 16], [1, 2, 2])
    resampling = {f"resampling_fn_{what}": "resample_data_or_seg_to_shape" for what in ("data", "seg", "probabilities")}
    kwargs = {"data": (False, 3), "seg": (True, 1), "probabilities": (False, 1)}
    resampling |= {f"resampling_fn_{what}_kwargs": {"is_seg": seg, "order": order, "order_z": 0, "force_separate_z": None}
                   for what, (seg, order) in kwargs.items()}
    arch = {"n_stages": 2, "features_per_stage": [6, 8], "conv_op": f"torch.nn.modules.conv.Conv{dim}d",
            "kernel_sizes": [[3] * dim] * 2, "strides": [[1] * dim, stride], "n_conv_per_stage": [2, 2], "n_conv_per_stage_decoder": [2],
            "conv_bias": True, "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dim}d", "norm_op_kwargs": {"eps": 1e-5, "affine": True},
            "dropout_op": None, "dropout_op_kwargs": None, "nonlin": "torch.nn.LeakyReLU", "nonlin_kwargs": {"inplace": True}}
    scheme = {"R": "RGBTo01Normalization", "G": "RGBTo01Normalization", "B": "RGBTo01Normalization", "CT": "CTNormalization"}
    name = "2d" if dim == 2 else "3d_fullres"
    configuration = {
        "data_identifier": f"nnUNetPlans_{name}", "preprocessor_name": "DefaultPreprocessor", "batch_size": 2, "patch_size": patch,
        "median_image_size_in_voxels": [float(p) for p in patch], "spacing": spacing,
        "normalization_schemes": [scheme.get(c, "ZScoreNormalization") for c in channels], "use_mask_for_norm": [False] * len(channels),
        **resampling, "architecture": {"network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
                                       "arch_kwargs": arch, "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"]},
        "batch_dice": True}
    statistics = {"max": 250.0, "mean": 100.0, "median": 100.0, "min": 0.0, "percentile_00_5": 3.0, "percentile_99_5": 240.0, "std": 60.0}
    return {"dataset_name": "Dataset900_Formats", "plans_name": "nnUNetPlans", "original_median_spacing_after_transp": [1.0, 1.0, 1.0],
            "original_median_shape_after_transp": [8, 16, 16], "image_reader_writer": reader, "transpose_forward": transpose,
            "transpose_backward": [transpose.index(i) for i in range(3)], "configurations": {name: configuration},
            "experiment_planner_used": "ExperimentPlanner", "label_manager": "LabelManager",
            "foreground_intensity_properties_per_channel": {str(i): statistics for i in range(len(channels))}}, name


def make_model(folder, kind):
    import torch
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
    ending, _, channels, dim, _, _ = KINDS[kind]
    plans, name = plans_of(kind)
    dataset = {"channel_names": {str(i): c for i, c in enumerate(channels)}, "labels": {"background": 0, "a": 1, "b": 2, "c": 3},
               "numTraining": 3, "file_ending": ending}
    architecture = plans["configurations"][name]["architecture"]
    network = get_network_from_plans(architecture["network_class_name"], architecture["arch_kwargs"], architecture["_kw_requires_import"],
                                     len(channels), 4, deep_supervision=False)
    generator = torch.Generator().manual_seed(len(kind))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    (folder / "fold_0").mkdir(parents=True)
    for file, content in (("plans.json", plans), ("dataset.json", dataset)):
        (folder / file).write_text(json.dumps(content, indent=4))
    torch.save({"network_weights": network.state_dict(), "optimizer_state": {}, "grad_scaler_state": None, "logging": {}, "_best_ema": None,
                "current_epoch": 0, "init_args": {"plans": plans, "configuration": name, "fold": 0, "dataset_json": dataset,
                                                  "device": torch.device("cpu")},
                "trainer_name": "nnUNetTrainer", "inference_allowed_mirroring_axes": tuple(range(dim))}, folder / "fold_0/checkpoint_final.pth")


def waves(shape, random):
    """Smooth grey values in a frame of zeros, so that there is something to crop."""
    grids = np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")
    image = 128 + sum(40 * np.sin(g * random.uniform(0.2, 0.9) + random.uniform(0, 6)) for g in grids) + random.normal(0, 6, shape)
    image[..., :3] = 0
    return np.clip(image, 0, 255).round().astype(np.uint8)


def oblique(array, spacing, turn=True):
    image = sitk.GetImageFromArray(array.astype(np.int16))
    image.SetSpacing(spacing)
    image.SetOrigin((-4.0, 12.5, 100.25))
    c, s = math.cos(0.3), math.sin(0.3)
    if turn:
        image.SetDirection((c, -s, 0.0, s, c, 0.0, 0.0, 0.0, 1.0))
    return image


def flipped(array, kind):
    """Axes of the file towards P, S and L, a little oblique; sheared, which ITK does not read."""
    c, s = math.cos(0.1), math.sin(0.1)
    affine = np.array([[0, 2.1 * s, -1.2 * c, 30], [-1.0, 0, 0, 20], [0, 2.1 * c, 1.2 * s, -11], [0, 0, 0, 1]])
    if kind != "sitk_reorient":
        affine[1, 1] = 0.05
    return nibabel.Nifti1Image(array.transpose(2, 1, 0).astype(np.int16), affine)


def write_images(folder, kind):
    from skimage import io
    import tifffile
    folder.mkdir()
    random = np.random.RandomState(3)
    for case, scale in (("case_1", 1.0), ("b.2", 0.7)):
        n = lambda size: int(size * scale)
        first = folder / f"{case}_0000"
        if kind in ("png", "bmp"):
            io.imsave(f"{first}.{kind}", np.stack([waves((n(50), n(71)), random) for _ in range(3)], -1), check_contrast=False)
        elif kind == "grey":
            io.imsave(f"{first}.png", waves((n(50), n(71)), random), check_contrast=False)
        elif kind == "tif":
            tifffile.imwrite(f"{first}.tif", waves((n(11), n(33), n(29)), random))
            (folder / f"{case}.json").write_text(json.dumps({"spacing": [1.5, 0.9, 1.2]}))
        elif kind == "nrrd":
            for channel in range(2):
                sitk.WriteImage(oblique(waves((n(17), n(26), n(21)), random), (0.9, 1.1, 2.5)), f"{folder}/{case}_000{channel}.nrrd")
        elif kind == "mha":
            sitk.WriteImage(oblique(waves((n(9), n(35), n(30)), random), (0.9, 1.1, 4.5)), f"{first}.mha")
        elif kind == "nibabel":
            nibabel.save(flipped(waves((n(12), n(24), n(31)), random), kind), f"{first}.nii.gz")
        else:
            nibabel.save(flipped(waves((n(31), n(12), n(24)), random), kind), f"{first}.nii.gz")


def make_and_predict(work, *kinds):
    import torch
    from nnunetv2.inference import predict_from_raw_data
    torch.set_num_threads(2)
    for i, kind in enumerate(kinds):
        folder = pathlib.Path(work) / kind
        name = "2d" if KINDS[kind][3] == 2 else "3d_fullres"
        make_model(pathlib.Path(work) / f"Dataset{900 + i}_{kind}/nnUNetTrainer__nnUNetPlans__{name}", kind)
        folder.mkdir()
        write_images(folder / "in", kind)
        (folder / "configuration").write_text(name)
        # Without processes, each of which would load everything again.
        sys.argv = ["predict", "-i", str(folder / "in"), "-o", str(folder / "theirs"), "-d", str(900 + i), "-c", name, "-f", "0", "-npp", "0",
                    "-nps", "0", "-device", "cpu", "--save_probabilities", "--disable_progress_bar"]
        predict_from_raw_data.predict_entry_point()


def same_value(one, two, where):
    if where.endswith("/spacing"):  # theirs are lists or tuples of floats or whole numbers, as the reader has it
        one, two = ([float(v) for v in spacing] for spacing in (one, two))
    assert type(one) is type(two), (where, one, two)
    if isinstance(one, dict):
        assert list(one) == list(two), (where, list(one), list(two))
        for key in one:
            same_value(one[key], two[key], f"{where}/{key}")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(two), where
        for i, pair in enumerate(zip(one, two)):
            same_value(*pair, f"{where}/{i}")
    elif isinstance(one, np.ndarray):
        assert one.dtype == two.dtype and np.allclose(one, two, rtol=1e-6, atol=1e-9), (where, one, two)
    elif isinstance(one, float):
        assert math.isclose(one, two, rel_tol=1e-6, abs_tol=1e-9), (where, one, two)
    else:
        assert one == two, (where, one, two)


def place_of(file):
    """Where the voxels of a label map lie, as its own format says."""
    if file.name.endswith(".nii.gz"):
        image = nibabel.load(file)
        return [image.affine.ravel(), image.header.get_zooms(), image.get_data_dtype().str]
    image = sitk.ReadImage(str(file))
    return [image.GetSpacing(), image.GetOrigin(), image.GetDirection(), image.GetPixelIDTypeAsString()]


def labels_of(file):
    if file.suffix in (".png", ".bmp"):
        from skimage import io
        return io.imread(file)
    if file.suffix == ".tif":
        import tifffile
        return tifffile.imread(file)
    return np.asarray(nibabel.load(file).dataobj) if file.suffix == ".gz" else sitk.GetArrayFromImage(sitk.ReadImage(str(file)))


def compare_labels(one, two):
    a, b = labels_of(one), labels_of(two)
    assert a.shape == b.shape and a.dtype == b.dtype, (one, a.shape, b.shape, a.dtype, b.dtype)
    others = int((a != b).sum())
    assert others <= MOST_VOXELS * a.size, (str(one), others, a.size)
    if one.suffix in (".gz", ".nrrd", ".mha"):
        for x, y in zip(place_of(one), place_of(two)):
            assert x == y if isinstance(x, str) else np.allclose(x, y, atol=1e-5), (str(one), x, y)
    return others, a.size, set(np.unique(b).tolist())


def compare(work, *kinds):
    for kind in kinds:
        ours, theirs = (pathlib.Path(work) / kind / name for name in ("ours", "theirs"))
        names = sorted(f.name for f in theirs.iterdir())
        assert names == sorted(f.name for f in ours.iterdir()), (kind, sorted(f.name for f in ours.iterdir()), names)
        voxels, most = [], 0.0
        for name in names:
            one, two = ours / name, theirs / name
            if name.endswith(".npz"):
                a, b = (np.load(f)["probabilities"] for f in (one, two))
                assert a.shape == b.shape and a.dtype == b.dtype, (kind, name, a.shape, b.shape)
                most = max(most, float(np.abs(a - b).max()))
            elif name.endswith(".pkl"):
                same_value(*(pickle.loads(f.read_bytes()) for f in (one, two)), f"{kind}/{name}")
            elif name.endswith(".json"):
                a, b = (json.loads(f.read_text()) for f in (one, two))
                if name == "predict_from_raw_data_args.json":
                    key = "output_folder_or_list_of_truncated_output_files"
                    assert pathlib.Path(a.pop(key)).parent == pathlib.Path(b.pop(key)).parent
                same_value(a, b, f"{kind}/{name}")
            else:
                voxels.append(compare_labels(one, two))
        assert most <= MOST_PROBABILITY, (kind, most)
        others, all_voxels = (sum(v[i] for v in voxels) for i in (0, 1))
        assert len(set.union(*(v[2] for v in voxels))) > 1, f"{kind}: nothing to compare"
        print(f"{kind}: {others} of {all_voxels} voxels differ, probabilities by at most {most:.1e}")


if __name__ == "__main__":
    {"make_and_predict": make_and_predict, "compare": compare}[sys.argv[1]](*sys.argv[2:])
