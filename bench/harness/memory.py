"""Prediction of a large CT scan with a network of 105 classes: memory, and the time after the last window."""
import re

from . import datasets
from .contest import Contestant, limit_row
from .process import Failure, run

# What `nnunet predict` logs of a case.
TIMES = re.compile(r"network ([\d.]+) s, after the last window ([\d.]+) s")


def memory(context):
    context.say("memory: CT 512x512x300, 105 classes (one run)")
    checkpoint = datasets.untrained(context, "many_classes", datasets.many_class_folder(context),
                                    ["--filters", "16", "32", "64", "128", "--depth", "3"])
    command = [context.nnunet, "predict", "--ckpt_path", str(checkpoint), "--input", str(datasets.big_ct(context)),
               "--output", str(context.work / "memory" / "labels.nii.gz"), "--overwrite", "--gpus", "0"]
    contestant = Contestant("nnunet predict, 105 classes", command, None)
    peak, share, error, seconds = [], [], "", []
    try:
        done = run(command, context.threads, context.log_file("memory"), limit_mib=context.memory_limit_mib)
        peak, seconds = [done.peak_mib / 1024], [done.seconds]
        if found := TIMES.search(done.output):
            network, after = float(found[1]), float(found[2])
            share = [100 * after / network]
        else:
            error = "the log does not say network and later times"
    except Failure as failure:
        error = str(failure)
    what = "predict CT 512x512x300, 105 classes"
    return [limit_row(f"{what}: peak memory", peak, "GiB", 6, error),
            limit_row(f"{what}: after the last window", share, "% of the network's time", 20, error),
            *({"what": f"{what}: whole command", "unit": "s", "ours": s, "rounds": 1} for s in seconds)], [contestant]
