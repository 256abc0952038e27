"""nnU-Net v2's default 3D training pipeline (crop as its data loader does, then batchgeneratorsv2), one thread.

usage: batchgenerators_v2.py FOLDER [D H W]    the patch, without sizes the hippocampus's
"""
import sys

import numpy as np
import torch
from acvl_utils.cropping_and_padding.bounding_boxes import crop_and_pad_nd
from nnunetv2.training.data_augmentation.compute_initial_patch_size import get_patch_size
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from patches import OVERSAMPLING, PATCH as HIPPOCAMPUS, load, serve

torch.set_num_threads(1)
PATCH = tuple(map(int, sys.argv[2:])) or HIPPOCAMPUS
angle = np.pi / 6
larger = get_patch_size(PATCH, (-angle, angle), (-angle, angle), (-angle, angle), (0.85, 1.25))
# Without the down-sampled labels of deep supervision: the others do not make them either.
transforms = nnUNetTrainer.get_training_transforms(PATCH, (-angle, angle), None, (0, 1, 2), False, [False])
cases = [(image, label.astype(np.int16), np.argwhere(label[0] > 0)) for image, label in load(sys.argv[1])]


def start_of_crop(shape, foreground):
    padding = np.maximum(larger - PATCH, larger - shape)
    low, high = -padding // 2, shape + padding // 2 + padding % 2 - larger
    if np.random.uniform() < OVERSAMPLING:
        return np.maximum(low, foreground[np.random.choice(len(foreground))] - larger // 2)
    return np.asarray([np.random.randint(a, b + 1) for a, b in zip(low, high)])


def one_patch():
    image, label, foreground = cases[np.random.randint(len(cases))]
    start = start_of_crop(np.asarray(image.shape[1:]), foreground)
    box = [[a, b] for a, b in zip(start, start + larger)]
    return transforms(image=torch.from_numpy(crop_and_pad_nd(image, box, 0)),
                      segmentation=torch.from_numpy(crop_and_pad_nd(label, box, -1)))


with torch.no_grad():
    serve(one_patch, 1, warmup=20 if PATCH == HIPPOCAMPUS else 3)
