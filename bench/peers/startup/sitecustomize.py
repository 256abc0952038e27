"""Run by every Python that has this folder in PYTHONPATH.

PyPI's torchvision is built for CUDA: beside the CPU build of torch its operators are missing, and importing it fails
because some of them are not even declared. nnU-Net v2 imports it with trainers that are not used here.
"""
import sys
from importlib.abc import MetaPathFinder


class DeclareOperators(MetaPathFinder):
    """Finds nothing, but declares the operators before torchvision is looked for."""

    def find_spec(self, name, path=None, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            import torch
            self.library = torch.library.Library("torchvision", "DEF")
            for operator in ("nms", "qnms"):
                self.library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            kept.append(self)
        return None


kept = []  # the declarations live as long as their library
sys.meta_path.insert(0, DeclareOperators())
