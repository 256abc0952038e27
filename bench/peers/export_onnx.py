"""Writes the untrained network as ONNX with a fixed batch, for onnxruntime and OpenVINO."""
import argparse
import warnings

import torch
from unet import UNet, example

p = argparse.ArgumentParser()
p.add_argument("--dim", type=int, choices=[2, 3], required=True)
p.add_argument("output")
a = p.parse_args()

images, _ = example(a.dim)
warnings.simplefilter("ignore")
torch.onnx.export(UNet(a.dim).eval(), (images,), a.output, input_names=["images"], output_names=["logits"],
                  dynamo=True, external_data=False, verbose=False)
