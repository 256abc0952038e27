"""Prediction with models of nnU-Net v2, beside nnU-Net v2: time, memory, label maps."""
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from . import v2_inputs as inputs
from .commands import fresh
from .contest import Contestant, Noting, limit_row, play, ratio_row
from .datasets import images_to_predict
from .environment import ROOT, peer_program
from .process import Failure, run

OURS = re.compile(r"network ([\d.]+) s, after the last window ([\d.]+) s")  # what our log says of a case
# The last state of nnU-Net's progress bar over a volume's windows; another bar, over the cases, has a name.
BAR = re.compile(r"(?<!: )100%\|[^|]*\| (\d+)/\1 \[[\d:]+<00:00, +([\d.]+)(s/it|it/s)\]\n(?!100%)")
CT_CROP = (256, 256, 160)  # voxels: 137 x 137 x 160 of 1.5 mm, eight windows


@dataclass
class Job:
    """What both programs predict."""
    name: str
    what: str
    model: Callable
    images: Callable
    tta: bool
    rounds: int = 5  # at most
    floors: dict = field(default_factory=dict)  # of fp32 and bf16
    long: bool = False  # the network's own time and that after it are of interest


def own_command(context, model, images, output, *options):
    return [context.nnunet, "predict", "--model", str(model), "--folds", "0", "--input", str(images), "--output",
            str(output), "--gpus", "0", *options]


def their_command(model, images, output, *options):
    return [peer_program("nnUNetv2_predict_from_modelfolder"), "-m", str(model), "-f", "0", "-i", str(images), "-o",
            str(output), "-device", "cpu", *options]


def own_times(finished):
    """Seconds of the network in all cases, and those after the last case's last window."""
    found = OURS.findall(finished.output)
    if not found:
        raise Failure("the log does not say network and later times")
    return {"network": sum(float(network) for network, _ in found), "after": float(found[-1][1])}


def their_times(finished):
    bars = BAR.findall(finished.output)
    seconds = sum(int(n) * (float(rate) if unit == "s/it" else 1 / float(rate)) for n, rate, unit in bars)
    return {"network": seconds, "after": finished.after_mark}


class Predictor(Noting):
    """Notes memory and partial times."""

    def __init__(self, context, name, command, images, output, times, mark=None):
        super().__init__(name, command, self.once)
        self.context, self.images, self.output, self.times, self.mark = context, images, output, times, mark

    def once(self):
        fresh(self.output)
        finished = run(self.command, self.context.threads, self.context.log_file(f"v2 {self.output.name}"),
                       limit_mib=self.context.memory_limit_mib, mark=self.mark)
        made, wanted = (len(list((ROOT / folder).glob("*.nii.gz"))) for folder in (self.output, self.images))
        if made != wanted:
            raise Failure(f"{made} label maps instead of {wanted}")
        self.context.say(f"    {finished.cpu_seconds:.1f} s of the processor")
        self.note(memory=finished.peak_mib / 1024, **self.times(finished))
        return finished.seconds


def label_row(context, what, ours, peer):
    row = {"what": f"{what}: label maps", "peer": peer.name, "unit": "% of the voxels differ"}
    if not ours.samples or not peer.samples:
        return {**row, "error": ours.error or peer.error}
    log = context.log_file(f"v2 compare {ours.output.name}")
    try:
        found = json.loads(run([peer_program("python"), "bench/peers/compare_labels.py", str(ours.output),
                                str(peer.output)], context.threads, log).output.splitlines()[-1])
    except Failure as failure:
        return {**row, "error": str(failure)}
    return {**row, "what": f"{row['what']} ({found['identical']} of {found['maps']} identical, {found['differing']} of "
            f"{found['voxels']} voxels differ)", "ours": 100 * found["differing"] / found["voxels"], "rounds": 1}


def rows_of(context, job, ours, peer):
    rows = []
    for precision, one in ours.items():
        what = f"predict {job.what}" + (", --amp" if precision == "bf16" else "")
        rows.append(ratio_row(what, one, peer, "s", job.floors.get(precision)))
        if job.long:
            rows.append(ratio_row(f"{what}: the network alone", one.only("network"), peer.only("network"), "s"))
            rows.append(ratio_row(f"{what}: after the last window", one.only("after"), peer.only("after"), "s"))
        rows.append(ratio_row(f"{what}: peak memory, all processes", one.only("memory"), peer.only("memory"), "GiB"))
        rows.append(label_row(context, what, one, peer))
    return rows


def contest(context, job):
    context.say(job.what)
    try:
        model, images = job.model(context), job.images(context)
    except Failure as failure:
        return [{"what": f"predict {job.what}", "unit": "", "error": str(failure)}], []
    output, plain = context.work / "v2" / "predicted", [] if job.tta else ["--disable_tta"]

    def own(precision, *options):
        folder = output / f"{job.name}_{precision}"
        command = own_command(context, model, images, folder, *plain, *options)
        return Predictor(context, " ".join(["nnunet predict", *options]), command, images, folder, own_times)

    ours = {"fp32": own("fp32")}
    if context.has_bf16():
        ours["bf16"] = own("bf16", "--amp")
    theirs = output / f"{job.name}_theirs"
    peer = Predictor(context, "nnUNetv2_predict_from_modelfolder", their_command(model, images, theirs, *plain), images,
                     theirs, their_times, r"(?<!: )100%\|")
    play([*ours.values(), peer], min(context.rounds, job.rounds), context.say)
    return rows_of(context, job, ours, peer), [*ours.values(), peer]


def contests(context, jobs):
    return [contest(context, job) for job in jobs]


def together(parts):
    return [row for rows, _ in parts for row in rows], [one for _, contestants in parts for one in contestants]


def whole(context, name, what, limit, *options):
    context.say(f"whole CT, {what}")
    label = " ".join([f"predict CT 512x512x300, {what}", *options])
    output = context.work / "v2" / "predicted" / "_".join(["whole", name, *options])
    images = inputs.whole_ct(context)
    command = own_command(context, inputs.network(context, name), images, output, "--disable_tta", *options)
    one = Predictor(context, label, command, images, output, own_times)
    play([one], 1, context.say)
    share = [100 * f["after"] / f["network"] for f in one.figures.values()]
    return [limit_row(f"{label}: peak memory", list(one.only("memory").samples.values()), "GiB", limit, one.error),
            limit_row(f"{label}: after the last window", share, "% of the network's time", 10, one.error),
            *({"what": f"{label}: whole command", "unit": "s", "ours": s, "rounds": 1} for s in one.samples.values())
            ], [one]


def start(context):
    """The program by nnU-Net's name."""
    ours, theirs = str(Path(context.nnunet).parent / "v2" / "nnUNetv2_predict"), peer_program("nnUNetv2_predict")

    def timed(command):
        log = context.log_file(f"v2 startup {Path(command).parent.name}")
        return Contestant("nnUNetv2_predict -h", [command, "-h"],
                          lambda: min(run([command, "-h"], context.threads, log).seconds for _ in range(3)))

    own, peer = timed(ours), timed(theirs)
    play([own, peer], min(context.rounds, 3), context.say)
    what = "our nnUNetv2_predict -h"
    limit = limit_row(what, list(own.samples.values()), "s", 0.05, own.error)
    return [limit, ratio_row(what, own, peer, "s")], [own, peer]


def of(name):
    return lambda context: inputs.network(context, name)


def middle(*shape):
    return lambda context: inputs.crop(context, shape)


def cases(context):
    """Many small images."""
    floors = {"fp32": 4} if context.isa else {"fp32": 5, "bf16": 8}
    what, images = "20 hippocampus cases", images_to_predict
    parts = contests(context, [
        Job("full_tta", f"{what}, full width, TTA", inputs.full_width, images, True, floors=floors),
        Job("full", f"{what}, full width", inputs.full_width, images, False, rounds=3),
        Job("narrow_tta", f"{what}, narrow trained model, TTA", inputs.trained, images, True, rounds=3),
        Job("narrow", f"{what}, narrow trained model", inputs.trained, images, False, rounds=3)])
    return together(parts if context.isa else parts + [start(context)])


def networks(context):
    """Networks of other kinds, on few windows."""
    residual, slices = middle(112, 160, 128), middle(512, 512, 12)
    return together(contests(context, [
        Job("resenc_l", "ResEnc L, one window of 128x160x112", of("resenc_l"), residual, False, floors={"fp32": 3.5},
            long=True),
        Job("resenc_l_tta", "ResEnc L, one window of 128x160x112, TTA", of("resenc_l"), residual, True, rounds=1,
            long=True),
        Job("flat", "2D, 12 slices of 512x512", of("flat"), slices, False, rounds=3, long=True),
        Job("flat_tta", "2D, 12 slices of 512x512, TTA", of("flat"), slices, True, rounds=1, long=True)]))


def ct(context):
    """A crop of the CT that nnU-Net can predict in minutes."""
    crop, what = middle(*CT_CROP), "CT {}, {{}} classes".format("x".join(map(str, CT_CROP)))
    return together(contests(context, [
        Job("ct25", what.format(25), of("ct25"), crop, False, rounds=1, long=True),
        Job("ct25_tta", what.format(25) + ", TTA", of("ct25"), crop, True, rounds=1, long=True),
        Job("ct118", what.format(118), of("ct118"), crop, False, rounds=1, floors={"fp32": 4}, long=True)]))


def whole_ct(context):
    """Ours alone on the whole CT: with many classes nnU-Net needs more memory than most machines have."""
    return together([whole(context, "ct25", "25 classes", None),
                     whole(context, "ct118", "118 classes", 5),
                     whole(context, "ct118", "118 classes", 4, "--low_memory")])


SECTIONS = {"v2_cases": cases, "v2_networks": networks, "v2_ct": ct, "v2_whole": whole_ct}
