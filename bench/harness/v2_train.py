"""A training step of nnU-Net v2's plans: ours beside nnU-Net's own network, loss and optimizer."""
from pathlib import Path
from statistics import median

from .contest import Contestant, play, ratio_row
from .environment import ROOT, peer_program
from .process import Failure, Worker

PLANS = "reference-v2/plan/real/Dataset004_Hippocampus"
# What is asked of a step, of our precision beside the peer's.
FLOORS = {("fp32", "fp32"): 2, ("bf16", "fp32"): 3}
STEPS = 3


class Stepper(Contestant):
    """A worker that takes steps when asked to (bench/peers/worker.py)."""

    def __init__(self, context, name, command):
        super().__init__(name, command, self.once)
        self.context, self.worker = context, None

    def once(self):
        if self.worker is None:
            self.worker = Worker(self.command, self.context.threads, self.context.log_file(self.name))
        return median(self.worker.ask(STEPS, "ms"))

    def stop(self):
        if self.worker is not None:
            self.worker.stop()


def step_of(context, plans, configuration, what):
    folder = context.data.parent / PLANS
    files = [str(folder / plans), str(folder / "dataset.json"), configuration, "--threads", str(context.threads)]
    program = Path(context.nnunet).parent / "micro_v2_step"
    if not (ROOT / program).is_file():
        raise Failure(f"no {program}: configure with -DNNUNET_BUILD_BENCH=ON and build bench_micro")
    precisions = ("fp32", "bf16") if context.has_bf16() else ("fp32",)
    ours = {p: Stepper(context, f"micro_v2_step {p}", [str(program), *files, *(["--amp"] if p == "bf16" else [])])
            for p in precisions}
    peers = {p: Stepper(context, f"nnU-Net v2 eager {p}",
                        [peer_program("python"), "bench/peers/nnunet_v2_step.py", *files,
                         *(["--bf16"] if p == "bf16" else [])]) for p in precisions}
    everyone = [*ours.values(), *peers.values()]
    try:
        play(everyone, context.rounds, context.say)
    finally:
        for one in everyone:
            one.stop()
    rows = []
    for mine, theirs in [(p, q) for p in precisions for q in precisions if p == q or p == "bf16"]:
        amp = ", --amp" if mine == "bf16" else ""
        rows.append(ratio_row(f"training step {what}{amp}", ours[mine], peers[theirs], "ms", FLOORS.get((mine, theirs))))
    return rows, everyone


def train(context):
    context.say("training step of nnU-Net v2's plans, hippocampus 3d_fullres")
    return step_of(context, "nnUNetPlans.json", "3d_fullres", "hippocampus 3d_fullres (7 x 40x56x40)")


SECTIONS = {"v2_train": train}
