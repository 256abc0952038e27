"""Forward pass and training step: the same network in the program, PyTorch eager, onnxruntime and OpenVINO."""
from statistics import median

from . import datasets
from .contest import Contestant, limit_row, play, ratio_row
from .environment import ROOT, peer_program
from .process import Failure, Worker, run
from .program import OwnBenchmark, logged

STEPS, WARMUP = 3, 1  # timed steps of each a round
BATCH = {3: 2, 2: 64}
NETWORK = {3: "3D, batch 2 of 40x56x40", 2: "2D, batch 64 of 56x40"}


class Field:
    """The contestants of one network: ours are started anew each round, peers wait in worker processes."""

    def __init__(self, context, dim):
        self.context, self.dim = context, dim
        self.contestants, self.workers, self.own = [], [], {}

    def ours(self, mode, precision):
        steps = "--train_batches" if mode == "train" else "--test_batches"
        options = ["--mode", mode, "--task", "04", "--dim", str(self.dim), "--batch_size", str(BATCH[self.dim]),
                   steps, str(STEPS + WARMUP), "--warmup", str(WARMUP), "--num_workers", "2"]
        options += self._data()
        options += ["--amp"] if precision == "bf16" else []
        own = OwnBenchmark(self.context, f"{mode}_{self.dim}d_{precision}", options, self.context.threads)
        self.own[precision] = own
        return self._add(f"nnunet {precision}", own.command, lambda: own.measure(f"latency_{mode}_50"))

    def _data(self):
        try:
            return ["--data", str(datasets.preprocessed(self.context, self.dim))]
        except Failure as failure:
            self.context.say(f"  synthetic data: {failure}")
            return []

    def peer(self, name, script, options, optional=False):
        command = [peer_program("python"), f"bench/peers/{script}", "--dim", str(self.dim), "--threads",
                   str(self.context.threads), *options]
        worker = []

        def measure():
            if not worker:
                worker.append(Worker(command, self.context.threads, self.context.log_file(f"{name} {self.dim}d")))
                self.workers.append(worker[0])
            return median(worker[0].ask(STEPS, "ms"))

        return self._add(name, command, measure, optional)

    def _add(self, name, command, measure, optional=False):
        self.contestants.append(Contestant(name, command, measure, optional))
        return self.contestants[-1]

    def eager(self, mode, precision, channels_last=False):
        options = ["--mode", mode] + (["--bf16"] if precision == "bf16" else [])
        options += ["--channels_last"] if channels_last else []
        name = f"PyTorch eager {precision}" + (" channels_last" if channels_last else "")
        return self.peer(name, "eager.py", options, optional=channels_last)

    def play(self):
        try:
            play(self.contestants, self.context.rounds, self.context.say)
        finally:
            for worker in self.workers:
                worker.stop()
        for precision, own in self.own.items():
            peak = f"peak_gflops_{precision}"
            if measured := own.all("peak_gflops"):
                self.context.machine[peak] = max(*measured, self.context.machine.get(peak, 0))


def onnx_file(context, dim):
    path = context.work / f"unet_{dim}d.onnx"
    if not (ROOT / path).is_file():
        run([peer_program("python"), "bench/peers/export_onnx.py", "--dim", str(dim), str(path)], context.threads,
            context.log_file("prepare onnx"))
    return str(path)


def share_of_peak(own, label):
    """How much of the machine's measured peak the convolutions reach: shown, not compared."""
    shares = own.all("peak_percent")
    return [{"what": label, "unit": "% of the peak", "ours": median(shares), "rounds": len(shares)}] if shares else []


def forward(context):
    rows, commands = [], []
    for dim in (3, 2):
        context.say(f"forward {NETWORK[dim]}")
        field = Field(context, dim)
        fp32, bf16 = field.ours("predict", "fp32"), field.ours("predict", "bf16")
        model = onnx_file(context, dim)
        peers = [(fp32, field.eager("forward", "fp32"), 1.15),
                 (bf16, field.eager("forward", "bf16"), 1.15),
                 (fp32, field.peer("onnxruntime fp32", "onnx_runtime.py", [model]), 1.15),
                 (fp32, field.peer("OpenVINO fp32", "open_vino.py", [model]), None),
                 (bf16, field.peer("OpenVINO bf16", "open_vino.py", ["--bf16", model]), None),
                 (fp32, field.eager("forward", "fp32", channels_last=True), None),
                 (bf16, field.eager("forward", "bf16", channels_last=True), None)]
        field.play()
        rows += [ratio_row(f"forward {NETWORK[dim]}", ours, peer, "ms", floor) for ours, peer, floor in peers]
        for precision, own in field.own.items():
            rows += share_of_peak(own, f"forward {NETWORK[dim]}, {precision}")
        commands += field.contestants
    return rows, commands


def train(context):
    rows, commands = [], []
    for dim in (3, 2):
        context.say(f"training step {NETWORK[dim]}")
        field = Field(context, dim)
        fp32, bf16 = field.ours("train", "fp32"), field.ours("train", "bf16")
        eager = {p: field.eager("train", p) for p in ("fp32", "bf16")}
        layout = {p: field.eager("train", p, channels_last=True) for p in ("fp32", "bf16")}
        field.play()
        what = f"training step {NETWORK[dim]}"
        # The same precision, and in 3D mixed precision against full precision, too.
        rows += [ratio_row(what, fp32, eager["fp32"], "ms", 1.1),
                 ratio_row(f"{what}, --amp", bf16, eager["bf16"], "ms", 1.15 if dim == 3 else 1.1),
                 ratio_row(f"{what}, --amp", bf16, eager["fp32"], "ms", 2.0 if dim == 3 else None),
                 ratio_row(what, fp32, layout["fp32"], "ms"),
                 ratio_row(f"{what}, --amp", bf16, layout["bf16"], "ms")]
        for precision, own in field.own.items():
            rows += share_of_peak(own, f"{what}, {precision}")
        commands += field.contestants
        if dim == 3:
            benchmark = field.own["bf16"]
    row, command = data_wait(context, benchmark)
    return rows + [row], commands + [command]


def data_wait(context, own):
    """An epoch of a real training with augmentation, 2 workers, and what its log says; else the benchmark's figure."""
    results = context.work / "results" / "data_wait"
    command = [context.nnunet, "train", "--data", str(datasets.preprocessed(context, 3)), "--task", "04", "--dim", "3",
               "--amp", "--gpus", "0", "--num_workers", "2", "--max_epochs", "1", "--train_batches", "20",
               "--test_batches", "1", "--results", str(results)]
    what, unit, shares = "training 3D --amp, augmentation, 2 workers: waiting for data", "% of the step", []
    try:
        run(command, context.threads, context.log_file("data wait"))
        shares = [figures["data_wait_percent"] for figures in [logged(results / "logs.json")]
                  if "data_wait_percent" in figures]
    except Failure as failure:
        context.say(f"  waiting for data: {failure}")
    if not shares:
        what, shares = "training 3D --amp, centre crops, 2 workers: waiting for data", own.all("data_wait_percent")
    return limit_row(what, shares, unit, 2), Contestant("nnunet, waiting for data", command, None)
