"""onnxruntime on the CPU: forward pass of the exported network, fp32."""
import argparse

import onnxruntime
from shapes import SHAPES
from unet import example
from worker import serve

p = argparse.ArgumentParser()
p.add_argument("--shape", choices=SHAPES, required=True)
p.add_argument("--threads", type=int, required=True)
p.add_argument("model")
a = p.parse_args()

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = a.threads
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
# Spinning threads would take the cores of whoever is measured next.
options.add_session_config_entry("session.force_spinning_stop", "1")
session = onnxruntime.InferenceSession(a.model, options, providers=["CPUExecutionProvider"])
inputs = {"images": example(SHAPES[a.shape])[0].numpy()}
serve(lambda: session.run(None, inputs), warmup=SHAPES[a.shape].warmup)
