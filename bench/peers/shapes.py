"""The networks that are measured, as the program plans them: data, U-Net, and how to ask the program for them."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    title: str
    batch: int
    patch: tuple
    task: str  # of `nnunet benchmark`
    channels: int = 1
    classes: int = 3
    filters: tuple = (32, 64, 128, 256)
    strides: tuple = ()  # of the levels below the first; empty: every axis is halved
    kernels: tuple = ()  # of all levels; empty: 3 along every axis
    steps: int = 3  # timed a turn
    warmup: int = 3

    @property
    def dim(self):
        return len(self.patch)

    def stride(self, level):
        return self.strides[level - 1] if self.strides else (2,) * self.dim

    def kernel(self, level):
        return self.kernels[level] if self.kernels else (3,) * self.dim


LARGE = {"filters": (32, 64, 128, 256, 320, 320), "steps": 1, "warmup": 1}

SHAPES = {
    "3d": Shape("3D, batch 2 of 40x56x40", 2, (40, 56, 40), "04"),
    "2d": Shape("2D, batch 64 of 56x40", 64, (56, 40), "04"),
    "3d_single": Shape("3D, batch 1 of 40x56x40", 1, (40, 56, 40), "04"),
    "brats": Shape("BraTS, batch 1 of 4x128x128x128", 1, (128, 128, 128), "01", channels=4, classes=4, **LARGE),
    "anisotropic": Shape("anisotropic, batch 1 of 1x20x320x256", 1, (20, 320, 256), "05",
                         strides=((1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2), (1, 2, 2)),
                         kernels=((1, 3, 3), (1, 3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)), **LARGE),
}
