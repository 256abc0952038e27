"""Inputs of the comparison, made once in the scratch folder."""
import json
import os
import shutil
from pathlib import Path

from .environment import ROOT, peer_program
from .process import Failure, run

CASES, PREDICTED = 200, 20
LARGE_PATCH = (128, 128, 128)
NNUNET_DATASET = "Dataset004_Hippocampus"


def find_task(context, task):
    found = sorted((ROOT / context.data).glob(f"Task{task}_*/dataset.json"))
    if not found:
        raise Failure(f"no Task{task}_* in {context.data}")
    return found[0].parent


def relative(path):
    return Path(os.path.relpath(path, ROOT))


def hippocampus(context):
    """A copy of the first 200 training cases: the folder that holds Task04_Hippocampus."""
    source = find_task(context, "04")
    folder = ROOT / context.work / "data" / source.name
    if not (folder / "dataset.json").is_file():
        description = json.loads((source / "dataset.json").read_text())
        description["training"] = description["training"][:CASES]
        description.update(numTraining=len(description["training"]), numTest=0, test=[])
        for name in (case[kind] for case in description["training"] for kind in ("image", "label")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, folder / name)
        (folder / "dataset.json").write_text(json.dumps(description))
    return relative(folder.parent)


def link(target, path):
    if not path.is_symlink():
        path.symlink_to(target)


def nnunet_raw(context):
    """The same cases in nnU-Net v2's layout; returns the environment variables that its commands need."""
    source = ROOT / hippocampus(context) / find_task(context, "04").name
    description = json.loads((source / "dataset.json").read_text())
    base = ROOT / context.work / "nnunetv2"
    raw = base / "raw" / NNUNET_DATASET
    for folder in (raw / "imagesTr", raw / "labelsTr", base / "preprocessed", base / "results"):
        folder.mkdir(parents=True, exist_ok=True)
    for case in description["training"]:
        image = (source / case["image"]).resolve()
        link(image, raw / "imagesTr" / image.name.replace(".nii.gz", "_0000.nii.gz"))
        link((source / case["label"]).resolve(), raw / "labelsTr" / image.name)
    labels = {name: int(number) for number, name in description["labels"].items()}
    (raw / "dataset.json").write_text(json.dumps({
        "channel_names": {"0": "MRI"}, "labels": {"background": 0, **{k: v for k, v in labels.items() if v > 0}},
        "numTraining": len(description["training"]), "file_ending": ".nii.gz"}))
    variables = {f"nnUNet_{name}": str(base / name) for name in ("raw", "preprocessed", "results")}
    return variables | {"nnUNet_def_n_proc": str(context.threads)}


def shown(variables, command):
    """A command of nnU-Net v2 as it would be typed in the repository."""
    return [f"{name}={relative(value) if '/' in value else value}" for name, value in variables.items()] + command


def images_to_predict(context):
    """The folder of 20 images that both programs predict."""
    raw = Path(nnunet_raw(context)["nnUNet_raw"]) / NNUNET_DATASET / "imagesTr"
    folder = ROOT / context.work / "predict" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    for image in sorted(raw.iterdir())[:PREDICTED]:
        link(image.resolve(), folder / image.name)
    return relative(folder)


def preprocessed(context, dim):
    """Our preprocessed hippocampus cases: the folder that holds 04_<dim>d."""
    folder = context.work / "preprocessed"
    if not (ROOT / folder / f"04_{dim}d" / "config.json").is_file():
        context.say(f"preparing: hippocampus, {dim}D")
        run([context.nnunet, "preprocess", "--data", str(hippocampus(context)), "--task", "04", "--dim", str(dim),
             "--results", str(folder), "--quiet"], context.threads, context.log_file("prepare preprocess"))
    return folder


def enlarged(context):
    """Some of these cases at five times the resolution, for a large patch: the folder that holds 04_3d."""
    folder = context.work / "preprocessed" / "enlarged"
    if not (ROOT / folder / "04_3d" / "config.json").is_file():
        context.say("preparing: enlarged hippocampus")
        run([peer_program("python"), "bench/peers/enlarge_cases.py", str(preprocessed(context, 3) / "04_3d"),
             str(folder / "04_3d"), *map(str, LARGE_PATCH)], context.threads, context.log_file("prepare enlarged"))
    return folder


def untrained(context, name, data, options=()):
    """The checkpoint of an untrained network for the preprocessed folder `data`."""
    results = context.work / "untrained" / name
    checkpoint = results / "checkpoints" / "last.ckpt"
    if not (ROOT / checkpoint).is_file():
        shutil.rmtree(ROOT / results, ignore_errors=True)
        run([context.nnunet, "train", "--data", str(data), "--dim", "3", "--max_epochs", "0", "--gpus", "0",
             "--results", str(results), *options], context.threads, context.log_file(f"prepare {name}"))
    return checkpoint


def nnunet_model(context):
    """An untrained nnU-Net v2 model by nnU-Net's own planner; returns the environment variables."""
    variables = nnunet_raw(context)
    results = Path(variables["nnUNet_results"]) / NNUNET_DATASET
    if list(results.glob("*/fold_0/checkpoint_final.pth")):
        return variables
    context.say("preparing: nnU-Net v2 model")
    log = context.log_file("prepare nnunetv2")
    run([peer_program("nnUNetv2_plan_and_preprocess"), "-d", "4", "-c", "3d_fullres", "-npfp", str(context.threads),
         "--no_pp"], context.threads, log, variables)
    run([peer_program("python"), "bench/peers/nnunet_v2_model.py",
         str(Path(variables["nnUNet_preprocessed"]) / NNUNET_DATASET), str(results)], context.threads, log, variables)
    return variables


def big_ct(context):
    """The synthetic CT of the memory section."""
    path = context.work / "memory" / "ct_0000.nii.gz"
    if not (ROOT / path).is_file():
        context.say("preparing: synthetic CT")
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name("unfinished.nii.gz")
        run([peer_program("python"), "bench/peers/synthetic_ct.py", str(unfinished)], context.threads,
            context.log_file("prepare ct"))
        (ROOT / unfinished).rename(ROOT / path)
    return path


def many_class_folder(context):
    """The preprocessed folder that the network of the memory section is made from."""
    folder = context.work / "memory" / "many_classes"
    if not (ROOT / folder / "config.json").is_file():
        run([peer_program("python"), "bench/peers/many_classes.py", str(folder), "105"], context.threads,
            context.log_file("prepare many classes"))
    return folder
