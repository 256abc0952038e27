#!/usr/bin/env python3
"""Makes tests/reference/fixtures/v2_checkpoints: a tiny 2D model in the forms that nnU-Net v2's versions wrote.

    python3 tests/reference/make_v2_checkpoints.py        needs torch, numpy 2, dynamic_network_architectures

model.zip          as nnUNetv2_export_model_to_zip writes it (deflated), folds 0 and 1 of version 2.8: numpy's scalars, a
                   device, an optimizer with momentum, every tensor under up to four names
checkpoint_old.pth as version 2.0 on a GPU: numpy 1's names, tensors on cuda:0, parameters instead of tensors, the
                   prefix of data parallel training, no mirror axes, old plans without `architecture`
residual_unet.json two ResidualUNets in the form of reference-v2/run/networks.json, in double precision
The k-th parameter's i-th number is k + i / 1024 + fold; running statistics there are none.
"""
import io
import json
import math
import pathlib
import zipfile

import numpy as np
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualUNet

target = pathlib.Path(__file__).resolve().parent / "fixtures/v2_checkpoints"
FOLDER = "Dataset900_Tiny/nnUNetTrainer__nnUNetPlans__2d"
TIME = (2024, 1, 1, 0, 0, 0)

default = "resample_data_or_seg_to_shape"
configuration = {
    "data_identifier": "nnUNetPlans_2d", "preprocessor_name": "DefaultPreprocessor", "batch_size": 2,
    "patch_size": [8, 12], "median_image_size_in_voxels": [9.5, 12.0], "spacing": [1.0, 1.5],
    "normalization_schemes": ["ZScoreNormalization"], "use_mask_for_norm": [False],
    "resampling_fn_data": default, "resampling_fn_seg": default, "resampling_fn_probabilities": default,
    "resampling_fn_data_kwargs": {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None},
    "resampling_fn_seg_kwargs": {"is_seg": True, "order": 1, "order_z": 0, "force_separate_z": None},
    "resampling_fn_probabilities_kwargs": {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None},
    "batch_dice": True}
plans = {
    "dataset_name": "Dataset900_Tiny", "plans_name": "nnUNetPlans", "image_reader_writer": "SimpleITKIO",
    "transpose_forward": [0, 1, 2], "transpose_backward": [0, 1, 2], "label_manager": "LabelManager",
    "foreground_intensity_properties_per_channel": {"0": {"mean": float("nan")}}}
new = {**plans, "configurations": {"2d": {**configuration, "architecture": {
    "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
    "arch_kwargs": {
        "n_stages": 2, "features_per_stage": [2, 4], "conv_op": "torch.nn.modules.conv.Conv2d",
        "kernel_sizes": [[3, 3], [3, 3]], "strides": [[1, 1], [2, 2]], "n_conv_per_stage": [1, 1],
        "n_conv_per_stage_decoder": [1], "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm2d", "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "dropout_op": None, "dropout_op_kwargs": None, "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True}},
    "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"]}}}}
old = {**{key: value for key, value in plans.items() if key != "label_manager"}, "configurations": {"2d": {
    **configuration, "UNet_class_name": "PlainConvUNet", "UNet_base_num_features": 2, "unet_max_num_features": 512,
    "n_conv_per_stage_encoder": [1, 1], "n_conv_per_stage_decoder": [1], "num_pool_per_axis": [1, 1],
    "pool_op_kernel_sizes": [[1, 1], [2, 2]], "conv_kernel_sizes": [[3, 3], [3, 3]]}}}
dataset = {"channel_names": {"0": "MRI"}, "labels": {"background": 0, "left": 1, "right": 2}, "numTraining": 5,
           "file_ending": ".nii.gz"}


def network(fold):
    net = PlainConvUNet(1, 2, [2, 4], torch.nn.Conv2d, 3, [1, 2], [1, 1], 3, [1], True, torch.nn.InstanceNorm2d,
                        {"eps": 1e-5, "affine": True}, None, None, torch.nn.LeakyReLU, {"inplace": True}, True)
    with torch.no_grad():
        for k, p in enumerate(net.parameters()):
            p.copy_((k + torch.arange(p.numel()) / 1024 + fold).view(p.shape))
    return net


def checkpoint(fold, of, weights):
    net = network(fold)
    optimizer = torch.optim.SGD(net.parameters(), 0.01, momentum=0.99, nesterov=True, weight_decay=3e-5)
    sum(p.sum() for p in net.parameters()).backward()
    optimizer.step()
    return {
        "network_weights": weights, "optimizer_state": optimizer.state_dict(), "grad_scaler_state": None,
        "logging": {"mean_fg_dice": [np.float32(0.5)], "dice_per_class_or_region": [[np.float32(0.5), 0.25]],
                    "lrs": [0.01]},
        "_best_ema": np.float32(0.5), "current_epoch": 1,
        "init_args": {"plans": of, "configuration": "2d", "fold": fold, "dataset_json": dataset,
                      "device": torch.device("cpu")},
        "trainer_name": "nnUNetTrainer", "inference_allowed_mirroring_axes": (0, 1)}


def saved(value):
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def rewritten(content, change):
    """The same archive with another pickle."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(result, "w") as to:
        for entry in source.infolist():
            data = source.read(entry)
            to.writestr(zipfile.ZipInfo(entry.filename, TIME), change(data) if entry.filename.endswith("data.pkl") else data)
    return result.getvalue()


def like_version_2_0(pickle):
    for now, then in ((b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"),
                      (b"X\x03\x00\x00\x00cpuq", b"X\x06\x00\x00\x00cuda:0q")):
        assert now in pickle
        pickle = pickle.replace(now, then)
    return pickle


def formula_weights(net):
    for k, (name, p) in enumerate(net.named_parameters()):
        i = torch.arange(p.numel(), dtype=torch.float64)
        if p.dim() > 1:
            values = 0.6 * torch.sin(0.7 * i + 1.3 * k) / math.sqrt(p.numel() / p.shape[0])
        elif name.endswith("weight"):
            values = 1 + 0.2 * torch.sin(i + k)
        else:
            values = 0.1 * torch.cos(i + k)
        with torch.no_grad():
            p.copy_(values.to(torch.float32).view(p.shape))


def residual_unets():
    """Weights and inputs: the formulas of shared/reference/README.md, rounded to float32."""
    nets = {}
    for dim, kernels, strides, patch in ((3, [[1, 3, 3], [3, 3, 3], [3, 3, 3]], [[1, 1, 1], [1, 2, 2], [2, 2, 2]], [6, 16, 12]),
                                         (2, [[3, 3], [3, 3]], [[1, 1], [2, 2]], [16, 24])):
        features = [6, 12, 16][:len(strides)]
        blocks, decoder = [1, 2, 2][:len(strides)], [1, 2][:len(strides) - 1]
        norm = {2: torch.nn.InstanceNorm2d, 3: torch.nn.InstanceNorm3d}[dim]
        conv = {2: torch.nn.Conv2d, 3: torch.nn.Conv3d}[dim]
        net = ResidualUNet(2, len(strides), features, conv, kernels, strides, blocks, 3, decoder, True, norm,
                           {"eps": 1e-5, "affine": True}, None, None, torch.nn.LeakyReLU, {"inplace": True}, True)
        net.double()
        formula_weights(net)
        shape = [2, 2, *patch]
        i = torch.arange(math.prod(shape), dtype=torch.float64)
        image = (torch.sin(0.37 * i) + 0.5 * torch.cos(0.011 * i)).to(torch.float32).double().view(shape)
        with torch.no_grad():
            outputs = net(image)
        nets[f"residual_{dim}d"] = {
            "network_class": "dynamic_network_architectures.architectures.unet.ResidualUNet",
            "arch_kwargs": {
                "n_stages": len(strides), "features_per_stage": features, "conv_op": f"torch.nn.modules.conv.Conv{dim}d",
                "kernel_sizes": kernels, "strides": strides, "n_blocks_per_stage": blocks,
                "n_conv_per_stage_decoder": decoder, "conv_bias": True,
                "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dim}d",
                "norm_op_kwargs": {"eps": 1e-05, "affine": True}, "dropout_op": None, "dropout_op_kwargs": None,
                "nonlin": "torch.nn.LeakyReLU", "nonlin_kwargs": {"inplace": True}},
            "patch_size": patch, "input_channels": 2, "output_channels": 3, "deep_supervision": True, "batch": 2,
            "parameters": {name: list(p.shape) for name, p in net.named_parameters()},
            "state_dict_keys": list(net.state_dict()),
            "outputs": [{"shape": list(o.shape), "stride": o.numel() // 47 + 1,
                         "samples": o.flatten()[::o.numel() // 47 + 1].tolist()} for o in outputs]}
    return nets


def main():
    target.mkdir(parents=True, exist_ok=True)
    texts = {"plans.json": new, "dataset.json": dataset, "dataset_fingerprint.json": {}}
    with zipfile.ZipFile(target / "model.zip", "w", zipfile.ZIP_DEFLATED) as to:
        def add(name, content):
            entry = zipfile.ZipInfo(f"{FOLDER}/{name}", TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            to.writestr(entry, content)
        for fold in 0, 1:
            add(f"fold_{fold}/checkpoint_final.pth", saved(checkpoint(fold, new, network(fold).state_dict())))
            add(f"fold_{fold}/progress.png", b"")
        for name, content in texts.items():
            add(name, json.dumps(content, indent=4))
        add("LICENSE", "Made up, free for all.\n")
    (target / "residual_unet.json").write_text(json.dumps(residual_unets()) + "\n")
    parameters = dict(network(0).named_parameters(remove_duplicate=False))
    value = checkpoint(0, old, {f"module.{name}": tensor for name, tensor in parameters.items()})
    del value["inference_allowed_mirroring_axes"]
    value["init_args"]["device"] = torch.device("cuda", 0)
    (target / "checkpoint_old.pth").write_bytes(rewritten(saved(value), like_version_2_0))


if __name__ == "__main__":
    main()
