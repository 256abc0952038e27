"""OpenVINO on the CPU: forward pass of the exported network, fp32 or bf16, latency hint, fixed shape."""
import argparse

import openvino
from shapes import SHAPES
from unet import example
from worker import serve

p = argparse.ArgumentParser()
p.add_argument("--shape", choices=SHAPES, required=True)
p.add_argument("--bf16", action="store_true")
p.add_argument("--threads", type=int, required=True)
p.add_argument("model")
a = p.parse_args()

compiled = openvino.Core().compile_model(a.model, "CPU", {
    "PERFORMANCE_HINT": "LATENCY",
    "INFERENCE_PRECISION_HINT": "bf16" if a.bf16 else "f32",
    "INFERENCE_NUM_THREADS": a.threads,
})
images = example(SHAPES[a.shape])[0].numpy()
request = compiled.create_infer_request()
serve(lambda: request.infer([images], share_inputs=True, share_outputs=True), warmup=SHAPES[a.shape].warmup)
