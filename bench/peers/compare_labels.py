"""Two folders of label maps, voxel by voxel: a line of JSON.

usage: compare_labels.py FOLDER OTHER_FOLDER
"""
import json
import sys
from pathlib import Path

import nibabel
import numpy as np

names = sorted(path.name for path in Path(sys.argv[1]).glob("*.nii.gz"))
others = sorted(path.name for path in Path(sys.argv[2]).glob("*.nii.gz"))
if not names or names != others:
    sys.exit(f"not the same label maps: {len(names)} and {len(others)}")
voxels, differing, identical, classes = 0, 0, 0, 0
for name in names:
    mine, theirs = (np.asarray(nibabel.load(Path(folder) / name).dataobj) for folder in sys.argv[1:3])
    unlike = int((mine != theirs).sum())
    voxels, differing, identical = voxels + mine.size, differing + unlike, identical + (unlike == 0)
    classes = max(classes, np.unique(mine).size)
print(json.dumps({"maps": len(names), "identical": identical, "voxels": voxels, "differing": differing,
                  "classes_found": classes}))
