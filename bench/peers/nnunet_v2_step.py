"""A training step of nnU-Net v2 on a batch that is already there: its network, loss, SGD and clipping, in eager mode.

usage: nnunet_v2_step.py PLANS DATASET CONFIGURATION --threads N [--bf16] [--batch N]
"""
import argparse
import json

import torch
from nnunetv2.training.loss.compound_losses import DC_and_CE_loss
from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from worker import serve


def main():
    p = argparse.ArgumentParser()
    p.add_argument("plans")
    p.add_argument("dataset")
    p.add_argument("configuration")
    p.add_argument("--threads", type=int, required=True)
    p.add_argument("--bf16", action="store_true", help="autocast to bfloat16, which nnU-Net itself does not on a CPU")
    p.add_argument("--batch", type=int, default=0, help="0: the plans'")
    a = p.parse_args()

    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    dataset = json.load(open(a.dataset))
    manager = PlansManager(a.plans)
    configuration = manager.get_configuration(a.configuration)
    channels, classes = len(dataset["channel_names"]), len(dataset["labels"])
    network = nnUNetTrainer.build_network_architecture(manager, configuration, channels, classes,
                                                       enable_deep_supervision=True)
    optimizer = torch.optim.SGD(network.parameters(), 0.01, weight_decay=3e-5, momentum=0.99, nesterov=True)
    batch, patch = a.batch or configuration.batch_size, configuration.patch_size
    images = torch.randn(batch, channels, *patch)
    with torch.no_grad():
        sizes = [head.shape[2:] for head in network(images[:1])]
    targets = [torch.randint(0, classes, (batch, 1, *size)).float() for size in sizes]
    weights = [0.5**i for i in range(len(sizes) - 1)]
    weights = [w / sum(weights) for w in weights] + [0]
    loss = DeepSupervisionWrapper(
        DC_and_CE_loss({"batch_dice": configuration.batch_dice, "smooth": 1e-5, "do_bg": False, "ddp": False}, {},
                       weight_ce=1, weight_dice=1, dice_class=MemoryEfficientSoftDiceLoss), weights)
    network.train()

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=a.bf16):
            heads = network(images)
        loss([head.float() for head in heads], targets).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 12)
        optimizer.step()

    serve(step, warmup=2)


if __name__ == "__main__":
    main()
