#!/usr/bin/env python3
"""The networks of micro_network in PyTorch eager, as nnU-Net v2 runs them, turn by turn with it.

    .deps/bench-venv/bin/python bench/micro/network_beside_torch.py build/bin/micro_network resenc_l --rounds 3 --amp

Prints wall and processor time of both (medians) and the medians of the rounds' ratios. Processor time is what to look at
on a machine with other work; OMP_NUM_THREADS sets the threads of both, one by default.
"""
import argparse
import os
import re
import statistics
import subprocess
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
import torch  # noqa: E402
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet  # noqa: E402
from torch import nn  # noqa: E402


def settings(dim):
    return {
        "conv_bias": True,
        "norm_op": nn.InstanceNorm3d if dim == 3 else nn.InstanceNorm2d,
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "nonlin": nn.LeakyReLU,
        "nonlin_kwargs": {"inplace": True},
        "deep_supervision": False,
    }


def plain(filters, patch, classes, kernels=None, strides=None):
    dim, levels = len(patch), len(filters)
    conv = nn.Conv3d if dim == 3 else nn.Conv2d
    kernels = kernels or [[3] * dim] * levels
    strides = strides or [[1] * dim] + [[2] * dim] * (levels - 1)
    blocks = [2] * levels
    return PlainConvUNet(1, levels, filters, conv, kernels, strides, blocks, classes, blocks[1:], **settings(dim)), patch


def resenc_l():
    strides = [[1, 1, 1]] + [[2, 2, 2]] * 4 + [[2, 2, 1]]
    network = ResidualEncoderUNet(
        1, 6, [32, 64, 128, 256, 320, 320], nn.Conv3d, [[3, 3, 3]] * 6, strides, [1, 3, 4, 6, 6, 6], 3, [1] * 5, **settings(3)
    )
    return network, (128, 160, 112)


def anisotropic():
    strides = [[1, 1, 1], [1, 2, 2], [1, 2, 2], [2, 2, 2], [2, 2, 2], [1, 2, 2], [1, 2, 2]]
    kernels = [[1, 3, 3]] * 2 + [[3, 3, 3]] * 5
    return plain([32, 64, 128, 256, 320, 320, 320], (20, 320, 256), 4, kernels, strides)


NETWORKS = {
    "hippocampus": lambda: plain([32, 64, 128, 256], (40, 56, 40), 3),
    "resenc_l": resenc_l,
    "flat": lambda: plain([32, 64, 128, 256, 512, 512, 512, 512], (512, 512), 3),
    "ct118": lambda: plain([16, 32, 64, 128, 128, 128], (128, 128, 128), 118),
    "anisotropic": anisotropic,
}


def turn_of_torch(network, image):
    wall, processor = time.perf_counter(), time.process_time()
    with torch.inference_mode():
        network(image)
    return time.perf_counter() - wall, time.process_time() - processor


def turn_of_ours(arguments):
    text = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    found = re.search(r"wall ([\d.]+) ms, processor ([\d.]+) ms", text)
    return float(found[1]) / 1e3, float(found[2]) / 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--amp", action="store_true")
    parser.add_argument("--large-tiles", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    network, patch = NETWORKS[options.network]()
    network.eval()
    image = torch.randn(1, 1, *patch)
    flags = ["--amp"] * options.amp + ["--large-tiles"] * options.large_tiles
    ours = [options.program, options.network, "--repeat", "1", *flags]
    turn_of_torch(network, image)  # warms up
    turns = [turn_of_torch(network, image) + turn_of_ours(ours) for _ in range(options.rounds)]
    middle = [statistics.median(t[i] for t in turns) * 1e3 for i in range(4)]
    ratios = [statistics.median(t[i] / t[i + 2] for t in turns) for i in range(2)]
    print(
        f"{' '.join(ours[1:2] + flags)}, {torch.get_num_threads()} threads: torch {middle[0]:.0f} ms wall, {middle[1]:.0f} processor; "
        f"ours {middle[2]:.0f} and {middle[3]:.0f}; {ratios[0]:.2f} and {ratios[1]:.2f} times"
    )


if __name__ == "__main__":
    main()
