"""Augmented hippocampus patches a second on one core."""
from . import datasets
from .contest import Contestant, play, ratio_row
from .environment import peer_program
from .process import Worker
from .program import OwnBenchmark

SECONDS = 2  # of a measurement
LARGE_SECONDS = 10
FLOOR = 5
V2_FLOOR = 15
# name, script, arguments, floor. Those without one do other or less work than the reference's pipeline, or do the same
# as their authors advise but their users seldom write it.
PEERS = [("batchgeneratorsv2, nnU-Net's default", "batchgenerators_v2.py", [], FLOOR),
         ("MONAI, cubic zoom", "monai_transforms.py", ["cubic"], FLOOR),
         ("DALI on the CPU, as the reference uses it", "dali_pipeline.py", ["mixed"], FLOOR),
         ("DALI on the CPU, conditional execution", "dali_pipeline.py", ["conditional"], None),
         ("MONAI, linear zoom (less work)", "monai_transforms.py", ["linear"], None)]


def contest(context, folder, mode, what, peers, seconds=SECONDS):
    """Our mode of `nnunet benchmark` beside these peers on the preprocessed cases of folder/04_3d."""
    own = OwnBenchmark(context, mode, ["--mode", mode, "--task", "04", "--dim", "3", "--num_workers", "1",
                                       "--data", str(folder)], threads=1)
    ours = Contestant("nnunet", own.command, lambda: own.measure(f"throughput_{mode}"))
    workers = {}

    def peer(name, script, arguments):
        command = [peer_program("python"), f"bench/peers/{script}", str(folder / "04_3d"), *arguments]

        def measure():
            if name not in workers:
                workers[name] = Worker(command, 1, context.log_file(f"{mode} {name}"))
            return workers[name].ask(seconds, "patches_per_second")

        return Contestant(name, command, measure)

    contestants = [(peer(name, script, arguments), floor) for name, script, arguments, floor in peers]
    try:
        play([ours, *(one for one, _ in contestants)], context.rounds, context.say)
    finally:
        for worker in workers.values():
            worker.stop()
    rows = [ratio_row(what, ours, one, "patches/s", floor, more_is_better=True) for one, floor in contestants]
    return rows, [ours, *(one for one, _ in contestants)]


def augment(context):
    context.say("augmentation, one core")
    return contest(context, datasets.preprocessed(context, 3), "augment", "augmented patches 40x56x40, one core", PEERS)


def v2_augment(context):
    """nnU-Net v2's own list of operators, from the preprocessed case to the patch."""
    rows, contestants = [], []
    for folder, patch, floor, seconds in ((datasets.preprocessed(context, 3), (40, 56, 40), V2_FLOOR, SECONDS),
                                          (datasets.enlarged(context), datasets.LARGE_PATCH, V2_FLOOR, LARGE_SECONDS)):
        size = "x".join(map(str, patch))
        context.say(f"nnU-Net v2's augmentation, {size}, one core")
        more = contest(context, folder, "augment_v2", f"nnU-Net v2's augmented patches {size}, one core",
                       [("batchgeneratorsv2, nnU-Net's default", "batchgenerators_v2.py", list(map(str, patch)), floor)],
                       seconds)
        rows += more[0]
        contestants += more[1]
    return rows, contestants
