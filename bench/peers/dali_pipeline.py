"""The same augmentation with DALI on the CPU, one thread.

usage: dali_pipeline.py FOLDER {mixed,conditional}
mixed: as the reference system does it: every operator runs on every sample and coins mix its result in.
conditional: DALI's conditional execution, which runs an operator only for the samples whose coin says so.
"""
import sys

import numpy as np
from nvidia.dali import fn, math, pipeline_def, types
from patches import OVERSAMPLING, PATCH, load, serve

BATCH = 2
cases = load(sys.argv[1])


def random_case(_):
    return cases[np.random.randint(len(cases))]


def coin(probability):
    return fn.random.coin_flip(probability=probability, dtype=types.BOOL)


def uniform(low, high):
    return fn.random.uniform(range=(low, high))


def crop(image, label):
    """A patch around a random voxel; the cases are not smaller than the patch."""
    voxel = fn.segmentation.random_mask_pixel(label, foreground=fn.random.coin_flip(probability=OVERSAMPLING))
    patch = types.Constant(np.asarray((1, *PATCH), np.int32))
    last = label.shape(dtype=types.INT32) - patch
    start = math.clamp(fn.cast(voxel, dtype=types.INT32) - patch // 2, 0, last)
    return [fn.slice(x, start, patch, axes=(0, 1, 2, 3)) for x in (image, label)]


def zoom(image, label, factor):
    part = dict(zip(("crop_d", "crop_h", "crop_w"), (factor * size for size in PATCH)))
    image = fn.resize(fn.crop(image, **part), size=PATCH, interp_type=types.INTERP_CUBIC, antialias=False)
    return image, fn.resize(fn.crop(label, **part), size=PATCH, interp_type=types.INTERP_NN)


def noise(image, std):
    return image + fn.random.normal(image) * std


def contrast(image, factor):
    return math.clamp(image * factor, fn.reductions.min(image), fn.reductions.max(image))


def cropped_cases():
    image, label = fn.external_source(source=random_case, num_outputs=2, batch=False, layout=["CDHW", "CDHW"],
                                      dtype=[types.FLOAT, types.UINT8])
    return crop(image, label)


def flip(image, label):
    axes = {axis: fn.random.coin_flip(probability=0.33) for axis in ("depthwise", "vertical", "horizontal")}
    return fn.flip(image, **axes), fn.flip(label, **axes)


@pipeline_def(batch_size=BATCH, num_threads=1, device_id=None)
def mixed():
    def mix(new, old):
        chosen = coin(0.15)
        return chosen * new + (chosen ^ True) * old

    image, label = cropped_cases()
    image, label = zoom(image, label, mix(uniform(0.7, 1.0), 1.0))
    image, label = flip(image, label)
    image = noise(image, mix(uniform(0.0, 0.33), 0.0))
    image = mix(fn.gaussian_blur(image, sigma=uniform(0.5, 1.5)), image)
    image = image * mix(uniform(0.7, 1.3), 1.0)
    return mix(contrast(image, uniform(0.65, 1.5)), image), label


@pipeline_def(batch_size=BATCH, num_threads=1, device_id=None, enable_conditionals=True)
def conditional():
    image, label = cropped_cases()
    if coin(0.15):
        image, label = zoom(image, label, uniform(0.7, 1.0))
    image, label = flip(image, label)
    if coin(0.15):
        image = noise(image, uniform(0.0, 0.33))
    if coin(0.15):
        image = fn.gaussian_blur(image, sigma=uniform(0.5, 1.5))
    if coin(0.15):
        image = image * uniform(0.7, 1.3)
    if coin(0.15):
        image = contrast(image, uniform(0.65, 1.5))
    return image, label


pipeline = {"mixed": mixed, "conditional": conditional}[sys.argv[2]]()
pipeline.build()
if __name__ == "__main__":
    serve(pipeline.run, BATCH, warmup=20)
