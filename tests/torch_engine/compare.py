"""Runs exported networks in other programs beside this one's results: compare.py RUNTIME FOLDER

FOLDER holds for each network NAME.npy (images), NAME.logits.npy, NAME.tolerance and NAME.onnx or NAME.pt; with
NAME.close.npy its voxels that are not 0 may differ, if they are few. The exit status is 77 where the runtime is not
installed, 1 where a difference exceeds a tolerance.
"""
import pathlib
import sys

import numpy as np


def onnxruntime_model(path):
    import onnxruntime
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map["patch_size"], "no metadata"
    return lambda x: session.run(["OUTPUT__0"], {"INPUT__0": x})[0]


def openvino_model(path):
    import openvino
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda x: compiled({"INPUT__0": x})["OUTPUT__0"]


def torch_model(path):
    import torch
    extra = {"nnunet.json": ""}
    module = torch.jit.load(path, _extra_files=extra).eval()
    assert b"patch_size" in extra["nnunet.json"]
    names = module.state_dict()
    assert any(f"{block}.weight" in names for block in ("input_block.conv1.conv", "encoder.stages.0.0.convs.0.conv",
                                                        "encoder.stages.0.blocks.0.conv1.conv"))
    with torch.no_grad():
        return lambda x: module(torch.from_numpy(x)).detach().numpy()


RUNTIMES = {"onnxruntime": (onnxruntime_model, ".onnx"), "openvino": (openvino_model, ".onnx"),
            "torch": (torch_model, ".pt")}

runtime, folder = sys.argv[1], pathlib.Path(sys.argv[2])
try:
    __import__(runtime)
except ImportError:
    sys.exit(77)

load, ending = RUNTIMES[runtime]
failed = False
for path in sorted(folder.glob("*" + ending)):
    run = load(str(path))
    images, wanted = np.load(path.with_suffix(".npy")), np.load(path.with_suffix(".logits.npy"))
    tolerance = float(path.with_suffix(".tolerance").read_text())
    for batch in (len(images), 1):  # the batch is free
        found = run(np.ascontiguousarray(images[:batch]))
        assert found.shape == wanted[:batch].shape and found.dtype == wanted.dtype, (found.shape, found.dtype)
        off = np.abs(found - wanted[:batch])
        close = path.with_suffix(".close.npy")
        if close.exists():
            may_differ = np.load(close)[:batch] != 0
            assert may_differ.mean() < 0.01, "too few voxels are left to compare"
            off = off[~may_differ]
        difference = float(off.max())
        bad = not difference <= tolerance
        failed |= bad
        print(f"{runtime:12} {path.stem:32} batch {batch}: {difference:.3g}{' TOO MUCH' if bad else ''}")
sys.exit(1 if failed else 0)
