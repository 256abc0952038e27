"""Writes the untrained network as ONNX with a fixed batch, for onnxruntime and OpenVINO."""
import argparse
import warnings

import torch
from shapes import SHAPES
from unet import UNet, example

p = argparse.ArgumentParser()
p.add_argument("--shape", choices=SHAPES, required=True)
p.add_argument("output")
a = p.parse_args()

images, _ = example(SHAPES[a.shape])
warnings.simplefilter("ignore")
torch.onnx.export(UNet(SHAPES[a.shape]).eval(), (images,), a.output, input_names=["images"], output_names=["logits"],
                  dynamo=True, external_data=False, verbose=False)
