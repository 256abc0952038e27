"""PyTorch eager: the forward pass, or a training step (forward, Dice + cross entropy, backward, AdamW)."""
import argparse

import torch
import torch.nn.functional as F
from shapes import SHAPES
from unet import UNet, example
from worker import serve


def dice_ce(logits, label):
    """Dice over the batch without background (MONAI's DiceLoss(batch=True, softmax=True)) + cross entropy."""
    logits = logits.float()
    axes = (0, *range(2, logits.dim()))
    one_hot = F.one_hot(label, logits.shape[1]).movedim(-1, 1)[:, 1:]
    foreground = torch.softmax(logits, 1)[:, 1:]
    both = (foreground * one_hot).sum(axes)
    sizes = foreground.sum(axes) + one_hot.sum(axes)
    dice = 1 - ((2 * both + 1e-5) / (sizes + 1e-5)).mean()
    return dice + F.cross_entropy(logits, label)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--mode", choices=["forward", "train"], required=True)
    p.add_argument("--shape", choices=SHAPES, required=True)
    p.add_argument("--bf16", action="store_true", help="autocast to bfloat16")
    p.add_argument("--channels_last", action="store_true")
    p.add_argument("--threads", type=int, required=True)
    a = p.parse_args()

    torch.set_num_threads(a.threads)
    shape = SHAPES[a.shape]
    network = UNet(shape)
    images, label = example(shape)
    if a.channels_last:
        layout = torch.channels_last_3d if shape.dim == 3 else torch.channels_last
        network, images = network.to(memory_format=layout), images.to(memory_format=layout)

    def forward():
        with torch.autocast("cpu", torch.bfloat16, enabled=a.bf16):
            return network(images)

    if a.mode == "forward":
        network.eval()

        def step():
            with torch.inference_mode():
                forward()
    else:
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-4, fused=True)

        def step():
            optimizer.zero_grad()
            dice_ce(forward(), label).backward()
            optimizer.step()

    serve(step, warmup=shape.warmup)


if __name__ == "__main__":
    main()
