"""PyTorch eager as bench/gpu asks for it: any shape, precision and layout on one device, one after the other in one
process, so that the start of Python and CUDA counts once.

A line on stdin: {"mode", "patch", "batch", "channels", "classes", "filters", "amp", "channels_last", "warmup", "steps"};
the answer on stdout: {"ms": [...], "peak_mib": ...} or {"error": "..."}. First of all it prints {"ready": true}.
"""
import argparse
import gc
import json
import sys
import time

import torch
from eager import dice_ce
from shapes import Shape
from unet import UNet, example


def training_step(network, images, label, autocast, scaler):
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-4, fused=True)

    def step():
        optimizer.zero_grad()
        with autocast():
            logits = network(images)
        scaler.scale(dice_ce(logits, label)).backward()
        scaler.step(optimizer)
        scaler.update()

    return step


def forward_step(network, images, autocast):
    network.eval()

    def step():
        with torch.inference_mode(), autocast():
            network(images)

    return step


def make_step(request, device):
    """Mixed precision as `nnunet --amp` has it: fp16 with a scaled loss on GPUs, bf16 on CPUs."""
    shape = Shape("", request["batch"], tuple(request["patch"]), "", request["channels"], request["classes"],
                  tuple(request["filters"]))
    on_gpu = device.type == "cuda"
    images, label = (t.to(device) for t in example(shape))
    network = UNet(shape).to(device)
    if request["channels_last"]:
        layout = torch.channels_last_3d if shape.dim == 3 else torch.channels_last
        network, images = network.to(memory_format=layout), images.to(memory_format=layout)

    def autocast():
        return torch.autocast(device.type, torch.float16 if on_gpu else torch.bfloat16, enabled=request["amp"])

    if request["mode"] == "predict":
        return forward_step(network, images, autocast)
    scaler = torch.amp.GradScaler(device.type, enabled=request["amp"] and on_gpu)
    return training_step(network, images, label, autocast, scaler)


def measure(request, device):
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    step, milliseconds = make_step(request, device), []
    for number in range(request["warmup"] + request["steps"]):
        start = time.perf_counter()
        step()
        if on_gpu:
            torch.cuda.synchronize()
        if number >= request["warmup"]:
            milliseconds.append(1000 * (time.perf_counter() - start))
    return {"ms": milliseconds, "peak_mib": torch.cuda.max_memory_allocated() / 2**20 if on_gpu else None}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--device", choices=["cuda", "cpu"], required=True)
    device = torch.device(p.parse_args().device)
    # What the reference system sets: TF32, and cuDNN's fastest algorithm for the shape.
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        try:
            answer = measure(json.loads(line), device)
        except (RuntimeError, ValueError, KeyError) as e:
            answer = {"error": f"{type(e).__name__}: {str(e).splitlines()[0][:150]}"}
        print(json.dumps(answer), flush=True)
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
