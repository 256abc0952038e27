"""Whole commands from start to end: preprocessing, prediction, start-up."""
import json
import shutil
from pathlib import Path

from . import datasets
from .contest import Contestant, limit_row, play, ratio_row
from .environment import ROOT, peer_program
from .process import Failure, run

# Options of the custom tasks: patch, and spacing where it is not taken from the data.
CUSTOM_TASKS = {"21": ([32, 64, 64], None), "22": ([16, 96, 96], [3.0, 0.8, 0.8]), "23": ([40, 64, 56], None)}


def fresh(path):
    shutil.rmtree(ROOT / path, ignore_errors=True)


def preprocess(context):
    context.say("preprocessing")
    jobs = str(context.threads)
    output = context.work / "preprocess"
    own = [context.nnunet, "preprocess", "--data", str(datasets.hippocampus(context)), "--task", "04", "--dim", "3",
           "--n_jobs", jobs, "--results", str(output / "ours"), "--quiet"]
    variables = datasets.nnunet_raw(context)
    theirs = [peer_program("nnUNetv2_plan_and_preprocess"), "-d", "4", "-c", "3d_fullres", "-npfp", jobs, "-np", jobs]

    def ours_once():
        fresh(output / "ours")
        return run(own, context.threads, context.log_file("preprocess ours")).seconds

    def theirs_once():
        fresh(Path(variables["nnUNet_preprocessed"]) / datasets.NNUNET_DATASET)
        return run(theirs, context.threads, context.log_file("preprocess nnunetv2"), variables).seconds

    ours = Contestant("nnunet preprocess", own, ours_once)
    peer = Contestant("nnUNetv2_plan_and_preprocess", datasets.shown(variables, theirs), theirs_once)
    play([ours, peer], context.rounds, context.say)
    rows = [ratio_row("preprocess 200 hippocampus cases, 3D", ours, peer, "s", 15)]
    custom_rows, custom = preprocess_custom(context, output)
    return rows + custom_rows, [ours, peer, *custom]


def preprocess_custom(context, output):
    """Tasks 21 to 23: CT with 42 classes, anisotropic CT, two MR channels."""
    own, jobs = [], []
    for task, (patch, spacing) in CUSTOM_TASKS.items():
        try:
            folder = datasets.find_task(context, task)
        except Failure as failure:
            return [{"what": "preprocess tasks 21 to 23", "unit": "s", "error": str(failure)}], []
        command = [context.nnunet, "preprocess", "--data", str(context.data), "--task", task, "--dim", "3", "--n_jobs",
                   str(context.threads), "--results", str(output / "ours"), "--quiet", "--patch_size", *map(str, patch)]
        own.append(command + (["--spacing", *map(str, spacing)] if spacing else []))
        jobs.append(json.dumps({"dataset": str(datasets.relative(folder)), "name": f"{task}_3d", "patch": patch,
                                "spacing": spacing}))
    theirs = [peer_program("python"), "bench/peers/python_preprocess.py", str(context.threads), str(output / "python"),
              *jobs]
    without_imports = Contestant("Python, its imports not counted", theirs, None)

    def ours_once():
        fresh(output / "ours")
        return sum(run(command, context.threads, context.log_file("preprocess custom")).seconds for command in own)

    def theirs_once():
        fresh(output / "python")
        done = run(theirs, context.threads, context.log_file("preprocess python"))
        inner = json.loads(done.output.splitlines()[-1])["seconds"]
        without_imports.samples[len(without_imports.samples)] = inner
        return done.seconds

    ours = Contestant("nnunet preprocess, tasks 21 to 23", [part for command in own for part in [*command, ";"]][:-1],
                      ours_once)
    peer = Contestant("Python: nibabel + scikit-image", theirs, theirs_once)
    play([ours, peer], context.rounds, context.say)
    what = "preprocess tasks 21 to 23, 3D"
    return [ratio_row(what, ours, without_imports, "s", 5), ratio_row(what, ours, peer, "s", 5)], [ours, peer]


def predict(context):
    context.say("prediction of a folder")
    images, output = datasets.images_to_predict(context), context.work / "predict"
    checkpoint = datasets.untrained(context, "hippocampus",
                                    datasets.preprocessed(context, 3) / "04_3d")
    variables = datasets.nnunet_model(context)
    own = [context.nnunet, "predict", "--ckpt_path", str(checkpoint), "--input", str(images), "--output",
           str(output / "ours"), "--tta", "--gpus", "0"]
    theirs = [peer_program("nnUNetv2_predict"), "-i", str(images), "-o", str(output / "theirs"), "-d", "4", "-c",
              "3d_fullres", "-f", "0", "-device", "cpu"]

    def once(command, folder, extra=None):
        def measure():
            fresh(folder)
            seconds = run(command, context.threads, context.log_file(f"predict {folder.name}"), extra).seconds
            made = len(list((ROOT / folder).glob("*.nii.gz")))
            if made != datasets.PREDICTED:
                raise Failure(f"{made} label maps instead of {datasets.PREDICTED}")
            return seconds
        return measure

    fp32 = Contestant("nnunet predict", own, once(own, output / "ours"))
    bf16 = Contestant("nnunet predict --amp", [*own, "--amp"], once([*own, "--amp"], output / "ours"))
    peer = Contestant("nnUNetv2_predict", datasets.shown(variables, theirs),
                      once(theirs, output / "theirs", variables))
    play([fp32, bf16, peer], context.rounds, context.say)
    what = "predict 20 hippocampus cases, TTA"
    return [ratio_row(what, fp32, peer, "s", 1.5), ratio_row(f"{what}, --amp", bf16, peer, "s")], [fp32, bf16, peer]


def empty_program(context):
    """A program that is only linked to libtorch: the least that any program over it takes to start."""
    program = context.work / "empty"
    torch = Path((ROOT / ".deps/torch_dir").read_text().strip()) / "lib"
    (ROOT / context.work / "empty.cpp").write_text("int main() {}\n")
    run(["g++", "-O2", str(context.work / "empty.cpp"), "-o", str(program), "-Wl,--no-as-needed", f"-L{torch}",
         "-ltorch", "-ltorch_cpu", "-lc10", f"-Wl,-rpath,{torch}"], context.threads, context.log_file("empty"))
    return str(program)


def startup(context):
    context.say("start-up")
    starts = 3

    def timed(command):
        log = context.log_file(f"startup {Path(command[0]).name}")
        return lambda: min(run(command, context.threads, log).seconds for _ in range(starts))

    ours = Contestant("nnunet --help", [context.nnunet, "--help"], timed([context.nnunet, "--help"]))
    theirs = [peer_program("nnUNetv2_predict"), "-h"]
    contestants = [ours, Contestant("nnUNetv2_predict -h", theirs, timed(theirs))]
    try:
        program = [empty_program(context)]
        contestants.append(Contestant("an empty program linked to libtorch", program, timed(program)))
    except (Failure, OSError) as failure:
        context.say(f"  no empty program: {failure}")
    play(contestants, context.rounds, context.say)
    rows = [limit_row("nnunet --help", list(ours.samples.values()), "s", 0.35, ours.error)]
    return rows + [ratio_row("nnunet --help", ours, peer, "s") for peer in contestants[1:]], contestants
