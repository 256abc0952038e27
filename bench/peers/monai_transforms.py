"""The same augmentation with MONAI's transforms, one thread.

usage: monai_transforms.py FOLDER {cubic,linear}: how images are zoomed; cubic is the same work as the others'.
"""
import sys

import numpy as np
import torch
from monai.data import set_track_meta
from monai.transforms import (Compose, RandAdjustContrastd, RandAffined, RandCropByPosNegLabeld, RandFlipd,
                              RandGaussianNoised, RandGaussianSmoothd, RandScaleIntensityd, RandZoomd)
from patches import OVERSAMPLING, PATCH, load, serve

torch.set_num_threads(1)
set_track_meta(False)  # as MONAI's guide to fast training does
both, sigma = ["image", "label"], (0.5, 1.5)
if sys.argv[2] == "cubic":
    # MONAI's zoom has no cubic interpolation in 3D; its affine transform has.
    zoom = RandAffined(both, prob=0.15, scale_range=((-0.3, 0.0),) * 3, mode=(3, "nearest"), padding_mode="border",
                       spatial_size=PATCH, cache_grid=True)
else:
    zoom = RandZoomd(both, prob=0.15, min_zoom=1.0, max_zoom=1 / 0.7, mode=("trilinear", "nearest"))
transform = Compose([
    RandCropByPosNegLabeld(both, "label", PATCH, pos=OVERSAMPLING, neg=1 - OVERSAMPLING, num_samples=1),
    zoom,
    *(RandFlipd(both, prob=0.33, spatial_axis=axis) for axis in range(3)),
    RandGaussianNoised("image", prob=0.15, std=0.33),
    RandGaussianSmoothd("image", prob=0.15, sigma_x=sigma, sigma_y=sigma, sigma_z=sigma),
    RandScaleIntensityd("image", prob=0.15, factors=0.3),
    RandAdjustContrastd("image", prob=0.15, gamma=(0.65, 1.5)),
])
cases = [{"image": torch.from_numpy(image), "label": torch.from_numpy(label)} for image, label in load(sys.argv[1])]


def one_patch():
    return transform(dict(cases[np.random.randint(len(cases))]))


serve(one_patch, 1, warmup=20)
