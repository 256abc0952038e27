"""Models of nnU-Net v2 and the images that both programs predict with them."""
from pathlib import Path

from . import datasets
from .environment import ROOT, peer_program
from .process import Failure, run

TRAINED = "reference-v2/run/models/Dataset004_Hippocampus/nnUNetTrainer_5epochs__nnUNetPlansNarrow__3d_fullres"


def trained(context):
    """The narrow model that nnU-Net itself trained on the hippocampus; it lies beside the data."""
    model = context.data.parent / TRAINED
    if not (ROOT / model / "plans.json").is_file():
        raise Failure(f"no {model}")
    return model


def full_width(context):
    """The untrained hippocampus model by nnU-Net's own planner."""
    results = Path(datasets.nnunet_model(context)["nnUNet_results"]) / datasets.NNUNET_DATASET
    return datasets.relative(next(results.glob("*__3d_fullres")))


def network(context, name):
    """An untrained model of bench/peers/nnunet_v2_network.py."""
    model = context.work / "v2" / "models" / name
    if not (ROOT / model / "fold_0" / "checkpoint_final.pth").is_file():
        context.say(f"preparing: nnU-Net v2 model {name}")
        run([peer_program("python"), "bench/peers/nnunet_v2_network.py", name, str(model)], context.threads,
            context.log_file(f"prepare v2 {name}"))
    return model


def crop(context, shape):
    """A folder with the middle of the synthetic CT, shape in voxels (X, Y, Z)."""
    folder = context.work / "v2" / "images" / "x".join(map(str, shape))
    image = folder / "ct_0000.nii.gz"
    if not (ROOT / image).is_file():
        (ROOT / folder).mkdir(parents=True, exist_ok=True)
        unfinished = folder.with_name("unfinished.nii.gz")
        run([peer_program("python"), "bench/peers/crop_image.py", str(datasets.big_ct(context)), str(unfinished),
             *map(str, shape)], context.threads, context.log_file("prepare v2 crop"))
        (ROOT / unfinished).rename(ROOT / image)
    return folder


def whole_ct(context):
    """A folder with the synthetic CT."""
    folder = context.work / "v2" / "images" / "whole"
    (ROOT / folder).mkdir(parents=True, exist_ok=True)
    datasets.link((ROOT / datasets.big_ct(context)).resolve(), ROOT / folder / "ct_0000.nii.gz")
    return folder
