"""Fingerprint, plans and preprocessed cases by nnU-Net v2's command: time and memory of ours beside its own."""
from pathlib import Path

from . import datasets
from .commands import fresh
from .contest import Noting, play, ratio_row
from .environment import ROOT, peer_program
from .process import Failure, run

COMMAND = "nnUNetv2_plan_and_preprocess"


class Preprocessor(Noting):
    """Begins with an empty folder each time. made: a pattern of what there is one of a case."""

    def __init__(self, context, whose, program, made):
        jobs = str(context.threads)
        self.context, self.whose, self.made = context, whose, made
        self.output = context.work / "v2" / "preprocessed" / whose
        self.variables = datasets.nnunet_raw(context) | {"nnUNet_preprocessed": str(ROOT / self.output)}
        self.arguments = [program, "-d", "4", "-c", "3d_fullres", "-npfp", jobs, "-np", jobs]
        super().__init__(f"{COMMAND}, {whose}", datasets.shown(self.variables, self.arguments), self.once)

    def once(self):
        fresh(self.output)
        (ROOT / self.output).mkdir(parents=True)
        finished = run(self.arguments, self.context.threads, self.context.log_file(f"v2 preprocess {self.whose}"),
                       self.variables, limit_mib=self.context.memory_limit_mib)
        made = len(list((ROOT / self.output / datasets.NNUNET_DATASET).glob(self.made)))
        if made != datasets.CASES:
            raise Failure(f"{made} cases instead of {datasets.CASES}")
        self.note(memory=finished.peak_mib / 1024)
        return finished.seconds


def preprocess(context):
    context.say(f"{COMMAND}, {datasets.CASES} hippocampus cases")
    ours = Preprocessor(context, "ours", str(Path(context.nnunet).parent / "v2" / COMMAND),
                        "nnUNetPlans_3d_fullres/*_x.npy")
    peer = Preprocessor(context, "theirs", peer_program(COMMAND), "nnUNetPlans_3d_fullres/*.pkl")
    play([ours, peer], context.rounds, context.say)
    what = f"plan and preprocess {datasets.CASES} hippocampus cases, 3d_fullres"
    return [ratio_row(what, ours, peer, "s"),
            ratio_row(f"{what}: peak memory, all processes", ours.only("memory"), peer.only("memory"), "GiB")
            ], [ours, peer]


SECTIONS = {"v2_preprocess": preprocess}
