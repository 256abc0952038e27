"""A model folder of nnU-Net v2 with a network of a size that users have, and random weights from nnU-Net's own builder.

usage: nnunet_v2_network.py NAME FOLDER
"""
import json
import sys
from pathlib import Path

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

CT_SPACING = [1.5, 0.8, 0.8]  # of the synthetic scan, (z, y, x)
HALVED = [[1, 1, 1]] + [[2, 2, 2]] * 5

# name: (classes, patch, spacing, features, strides, blocks of a residual encoder)
NETWORKS = {
    "resenc_l": (3, [128, 160, 112], CT_SPACING, [32, 64, 128, 256, 320, 320], HALVED[:5] + [[2, 2, 1]],
                 [1, 3, 4, 6, 6, 6]),
    "flat": (3, [512, 512], CT_SPACING[1:], [32, 64, 128, 256] + [512] * 4, [[1, 1]] + [[2, 2]] * 7, None),
    "ct25": (25, [128] * 3, [1.5] * 3, [32, 64, 128, 256, 320, 320], HALVED, None),
    "ct118": (118, [128] * 3, [1.5] * 3, [16, 32, 64, 128, 128, 128], HALVED, None),
}


def architecture(dim, features, strides, blocks):
    levels = len(features)
    arguments = {
        "n_stages": levels, "features_per_stage": features, "conv_op": f"torch.nn.modules.conv.Conv{dim}d",
        "kernel_sizes": [[3] * dim] * levels, "strides": strides, "conv_bias": True,
        "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dim}d", "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "dropout_op": None, "dropout_op_kwargs": None, "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True}}
    if blocks:
        arguments.update(n_blocks_per_stage=blocks, n_conv_per_stage_decoder=[1] * (levels - 1))
    else:
        arguments.update(n_conv_per_stage=[2] * levels, n_conv_per_stage_decoder=[2] * (levels - 1))
    kind = "ResidualEncoderUNet" if blocks else "PlainConvUNet"
    return {"network_class_name": f"dynamic_network_architectures.architectures.unet.{kind}", "arch_kwargs": arguments,
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"]}


def resampling(use, is_seg, order):
    return {f"resampling_fn_{use}": "resample_data_or_seg_to_shape",
            f"resampling_fn_{use}_kwargs": {"is_seg": is_seg, "order": order, "order_z": 0, "force_separate_z": None}}


def plans_of(name, configuration):
    _, patch, spacing, features, strides, blocks = NETWORKS[name]
    shape = [300, 512, 512][-len(patch):]
    return {
        "dataset_name": "Dataset900_Synthetic", "plans_name": "nnUNetPlans", "image_reader_writer": "SimpleITKIO",
        "original_median_spacing_after_transp": CT_SPACING, "original_median_shape_after_transp": [300, 512, 512],
        "transpose_forward": [0, 1, 2], "transpose_backward": [0, 1, 2], "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager", "foreground_intensity_properties_per_channel": {"0": {
            "max": 1200.0, "mean": 60.0, "median": 60.0, "min": -1000.0, "percentile_00_5": -900.0,
            "percentile_99_5": 700.0, "std": 120.0}},
        "configurations": {configuration: {
            "data_identifier": f"nnUNetPlans_{configuration}", "preprocessor_name": "DefaultPreprocessor",
            "batch_size": 2, "patch_size": patch, "median_image_size_in_voxels": shape, "spacing": spacing,
            "normalization_schemes": ["CTNormalization"], "use_mask_for_norm": [False],
            **resampling("data", False, 3), **resampling("seg", True, 1), **resampling("probabilities", False, 1),
            "architecture": architecture(len(patch), features, strides, blocks), "batch_dice": False}}}


def spread_norms(network):
    """A fresh network's norms are ones and zeros, which would hide half of a residual encoder's blocks."""
    for name, parameter in network.named_parameters():
        if ".norm." in name:
            torch.nn.init.normal_(parameter, 1.0 if name.endswith("weight") else 0.0, 0.2)


def main():
    name, model = sys.argv[1], Path(sys.argv[2])
    classes, patch = NETWORKS[name][:2]
    configuration = "2d" if len(patch) == 2 else "3d_fullres"
    plans = plans_of(name, configuration)
    labels = {"background": 0, **{f"class{i}": i for i in range(1, classes)}}
    dataset = {"channel_names": {"0": "CT"}, "labels": labels, "numTraining": 1, "file_ending": ".nii.gz"}
    torch.manual_seed(1)
    manager = PlansManager(plans)
    network = nnUNetTrainer.build_network_architecture(manager, manager.get_configuration(configuration), 1, classes,
                                                       enable_deep_supervision=False)
    spread_norms(network)
    (model / "fold_0").mkdir(parents=True, exist_ok=True)
    (model / "plans.json").write_text(json.dumps(plans, indent=1))
    (model / "dataset.json").write_text(json.dumps(dataset, indent=1))
    torch.save({"network_weights": network.state_dict(), "trainer_name": "nnUNetTrainer",
                "init_args": {"configuration": configuration},
                "inference_allowed_mirroring_axes": tuple(range(len(patch)))},
               model / "fold_0" / "checkpoint_final.pth")


main()
