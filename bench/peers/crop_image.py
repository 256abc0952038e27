"""The middle of an image.

usage: crop_image.py IMAGE OUTPUT.nii.gz X Y Z
"""
import sys

import nibabel

image = nibabel.load(sys.argv[1])
middle = [slice((have - want) // 2, (have - want) // 2 + want) for have, want in
          zip(image.shape, (int(n) for n in sys.argv[3:6]))]
nibabel.save(image.slicer[tuple(middle)], sys.argv[2])
