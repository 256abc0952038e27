"""A synthetic CT scan: 512 x 512 x 300 voxels of 0.8 x 0.8 x 1.5 mm, int16, tissue up to every border.

usage: synthetic_ct.py OUTPUT.nii.gz [X Y Z]
"""
import sys

import nibabel
import numpy as np
from scipy.ndimage import zoom

shape = tuple(int(n) for n in sys.argv[2:5]) or (512, 512, 300)
random = np.random.default_rng(1)
volume = np.empty(shape, np.int16)
organs = random.normal(60, 120, (9, 9, 7)).astype(np.float32)  # smooth blobs of soft tissue, bone and air
smooth = zoom(organs, [n / m for n, m in zip((shape[0] // 4, shape[1] // 4, shape[2]), organs.shape)], order=3)
for z in range(shape[2]):
    plane = np.kron(smooth[..., z], np.ones((4, 4), np.float32))
    volume[:plane.shape[0], :plane.shape[1], z] = plane + random.normal(0, 12, plane.shape)
    volume[plane.shape[0]:, :, z] = volume[:, plane.shape[1]:, z] = 40
# Nothing is cropped away: the hardest case.
volume[0, 0, 0] = volume[-1, -1, -1] = 200
nibabel.save(nibabel.Nifti1Image(volume, np.diag([0.8, 0.8, 1.5, 1.0])), sys.argv[1])
