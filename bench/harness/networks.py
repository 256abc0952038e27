"""Forward pass and training step: the same network in the program, PyTorch eager, onnxruntime and OpenVINO."""
from statistics import median

from peers.shapes import SHAPES

from . import datasets
from .contest import Contestant, limit_row, play, ratio_row
from .environment import ROOT, peer_program
from .process import Failure, Worker, run
from .program import OwnBenchmark, logged

WARMUP = 1


class Field:
    """The contestants of one network: ours are started anew each round, peers wait in worker processes."""

    def __init__(self, context, name):
        self.context, self.name, self.shape = context, name, SHAPES[name]
        self.contestants, self.workers, self.own = [], [], {}

    def ours(self, mode, precision):
        steps = "--train_batches" if mode == "train" else "--test_batches"
        options = ["--mode", mode, "--task", self.shape.task, "--dim", str(self.shape.dim), "--batch_size",
                   str(self.shape.batch), steps, str(self.shape.steps + WARMUP), "--warmup", str(WARMUP),
                   "--num_workers", "2"]
        options += self._data()
        options += ["--amp"] if precision == "bf16" else []
        own = OwnBenchmark(self.context, f"{mode}_{self.name}_{precision}", options, self.context.threads)
        self.own[precision] = own
        return self._add(f"nnunet {precision}", own.command, lambda: own.measure(f"latency_{mode}_50"))

    def _data(self):
        if self.shape.task != "04":
            return ["--in_channels", str(self.shape.channels), "--n_class", str(self.shape.classes)]
        try:
            return ["--data", str(datasets.preprocessed(self.context, self.shape.dim))]
        except Failure as failure:
            self.context.say(f"  synthetic data: {failure}")
            return []

    def peer(self, name, script, options, optional=False):
        command = [peer_program("python"), f"bench/peers/{script}", "--shape", self.name, "--threads",
                   str(self.context.threads), *options]
        worker = []

        def measure():
            if not worker:
                worker.append(Worker(command, self.context.threads, self.context.log_file(f"{name} {self.name}")))
                self.workers.append(worker[0])
            return median(worker[0].ask(self.shape.steps, "ms"))

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
            peak = f"peak_gflops_{precision}" + (f"_{self.context.isa}" if self.context.isa else "")
            if measured := own.all("peak_gflops"):
                self.context.machine[peak] = max(*measured, self.context.machine.get(peak, 0))


def onnx_file(context, name):
    path = context.work / f"unet_{name}.onnx"
    if not (ROOT / path).is_file():
        run([peer_program("python"), "bench/peers/export_onnx.py", "--shape", name, str(path)], context.threads,
            context.log_file("prepare onnx"))
    return str(path)


def share_of_peak(own, label):
    """How much of the machine's measured peak the convolutions reach: shown, not compared."""
    shares = own.all("peak_percent")
    return [{"what": label, "unit": "% of the peak", "ours": median(shares), "rounds": len(shares)}] if shares else []


# What is asked of the forward pass and of the training step, by network; at least as fast as anyone for the others.
FORWARD = {"3d": {"PyTorch eager fp32": 2.3, "PyTorch eager bf16": 1.7, "onnxruntime fp32": 1.15, "OpenVINO fp32": 1.6,
                  "OpenVINO bf16": 1.35},
           "2d": {"PyTorch eager fp32": 1.3, "PyTorch eager bf16": 1.15, "onnxruntime fp32": 1.3, "OpenVINO fp32": 1.3}}
TRAIN = {"3d": {"PyTorch eager fp32": 1.6, "PyTorch eager bf16": 1.4},
         "2d": {"PyTorch eager fp32": 1.3, "PyTorch eager bf16": 1.1}}
# Without AVX-512.
FORWARD_AVX2 = {"3d": {"PyTorch eager fp32": 2.5, "OpenVINO fp32": 1.8}}
TRAIN_AVX2 = {"3d": {"PyTorch eager fp32": 2.4}}
OTHER_SHAPES = ("3d_single", "brats", "anisotropic")


def result_rows(field, what, pairs, floors):
    """A row a peer, then what our convolutions reach of the peak."""
    rows = []
    for ours, peer in pairs:
        amp = ", --amp" if ours.name.endswith("bf16") else ""
        floor = None if peer.optional else floors.get(peer.name) if floors else 1
        rows.append(ratio_row(what + amp, ours, peer, "ms", floor))
    for precision, own in field.own.items():
        rows += share_of_peak(own, f"{what}, {precision}")
    return rows


def floors_of(context, name, floors, avx2):
    return (floors if context.has_avx512() else avx2).get(name)


def precisions(context):
    return ("fp32", "bf16") if context.has_bf16() else ("fp32",)


def forward_of(context, name):
    context.say(f"forward {SHAPES[name].title}")
    field, model = Field(context, name), onnx_file(context, name)
    ours = {p: field.ours("predict", p) for p in precisions(context)}
    pairs = [(ours[p], field.eager("forward", p)) for p in ours]
    if not context.isa:  # it asks the processor alone
        pairs.append((ours["fp32"], field.peer("onnxruntime fp32", "onnx_runtime.py", [model])))
    pairs += [(ours[p], field.peer(f"OpenVINO {p}", "open_vino.py", [*(["--bf16"] if p == "bf16" else []), model]))
              for p in ours]
    if name in FORWARD:
        pairs += [(ours[p], field.eager("forward", p, channels_last=True)) for p in ours]
    field.play()
    return field, result_rows(field, f"forward {SHAPES[name].title}", pairs, floors_of(context, name, FORWARD, FORWARD_AVX2))


def train_of(context, name):
    context.say(f"training step {SHAPES[name].title}")
    field = Field(context, name)
    ours = {p: field.ours("train", p) for p in precisions(context)}
    eager = {p: field.eager("train", p) for p in ours}
    pairs = [(ours[p], eager[p]) for p in ours]
    if name in TRAIN:
        pairs += [(ours[p], field.eager("train", p, channels_last=True)) for p in ours]
    field.play()
    what = f"training step {SHAPES[name].title}"
    rows = result_rows(field, what, pairs, floors_of(context, name, TRAIN, TRAIN_AVX2))
    if "bf16" in ours:  # mixed precision against full precision, too
        rows.append(ratio_row(f"{what}, --amp", ours["bf16"], eager["fp32"], "ms", 2.0 if name == "3d" else None))
    return field, rows


def together(parts):
    """Rows and contestants of several networks."""
    rows, commands = [], []
    for field, its_rows in parts:
        rows += its_rows
        commands += field.contestants
    return rows, commands


def forward(context):
    return together(forward_of(context, name) for name in FORWARD)


def shapes(context):
    """Both, of networks of other sizes."""
    return together(part(context, name) for name in OTHER_SHAPES for part in (forward_of, train_of))


def train(context):
    parts = [train_of(context, name) for name in TRAIN]
    rows, commands = together(parts)
    row, command = data_wait(context, parts[0][0].own[precisions(context)[-1]])
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
