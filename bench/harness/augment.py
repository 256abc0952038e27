"""Augmented hippocampus patches a second on one core."""
from . import datasets
from .contest import Contestant, play, ratio_row
from .environment import peer_program
from .process import Worker
from .program import OwnBenchmark

SECONDS = 2  # of a measurement
FLOOR = 5
# name, script, arguments, floor. Those without one do other or less work than the reference's pipeline, or do the same
# as their authors advise but their users seldom write it.
PEERS = [("batchgeneratorsv2, nnU-Net's default", "batchgenerators_v2.py", [], FLOOR),
         ("MONAI, cubic zoom", "monai_transforms.py", ["cubic"], FLOOR),
         ("DALI on the CPU, as the reference uses it", "dali_pipeline.py", ["mixed"], FLOOR),
         ("DALI on the CPU, conditional execution", "dali_pipeline.py", ["conditional"], None),
         ("MONAI, linear zoom (less work)", "monai_transforms.py", ["linear"], None)]


def augment(context):
    context.say("augmentation, one core")
    folder = datasets.preprocessed(context, 3)
    own = OwnBenchmark(context, "augment", ["--mode", "augment", "--task", "04", "--dim", "3", "--num_workers", "1",
                                            "--data", str(folder)], threads=1)
    ours = Contestant("nnunet", own.command, lambda: own.measure("throughput_augment"))
    workers, peers = {}, []

    def peer(name, script, arguments):
        command = [peer_program("python"), f"bench/peers/{script}", str(folder / "04_3d"), *arguments]

        def measure():
            if name not in workers:
                workers[name] = Worker(command, 1, context.log_file(f"augment {name}"))
            return workers[name].ask(SECONDS, "patches_per_second")

        return Contestant(name, command, measure)

    for name, script, arguments, floor in PEERS:
        peers.append((peer(name, script, arguments), floor))
    try:
        play([ours, *(one for one, _ in peers)], context.rounds, context.say)
    finally:
        for worker in workers.values():
            worker.stop()
    what = "augmented patches 40x56x40, one core"
    rows = [ratio_row(what, ours, one, "patches/s", floor, more_is_better=True) for one, floor in peers]
    return rows, [ours, *(one for one, _ in peers)]
