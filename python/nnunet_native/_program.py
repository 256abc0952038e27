"""The program `nnunet`, which lies in this package."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Mapping, Sequence

from . import _errors
from ._log import LOG


def program() -> Path:
    """Where the program lies."""
    return Path(__file__).parent / "bin" / "nnunet"


def run(*arguments: Any, environment: Mapping[str, Any] | None = None, **flags: Any) -> str:
    """Runs a command of the program and gives what it prints: run("info", "model.zip"), or, by keyword,
    run("score", preds="label_maps", lbls="labels"). Its log goes to logging.getLogger("nnunet_native"). Raises Error with
    the program's message where it fails.

    environment: variables beside those of this process, nnUNet_results for example.
    flags: NAME=VALUE is --NAME VALUE, a list several values, True the flag alone; False and None leave it out.
    """
    command = [str(program()), *map(str, arguments), *_flags("--", flags)]
    variables = {**os.environ, **{name: os.fspath(value) for name, value in (environment or {}).items()}}
    with tempfile.TemporaryFile("w+") as printed, \
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.PIPE, text=True,
                             errors="replace", env=variables) as process:
        try:
            said = _logged(process)
            code = process.wait()
        except BaseException:
            process.send_signal(signal.SIGINT)  # it leaves no half file
            raise
        printed.seek(0)
        output = printed.read()
    if code != 0:
        raise _errors.Error(_failure(said) or f"nnunet {' '.join(map(str, arguments))}: ended with code {code}")
    return output


def plan(dataset: Any, planner: str = "ExperimentPlanner", *, raw: Any = None, preprocessed: Any = None,
         **flags: Any) -> dict[str, Any]:
    """Plans experiments on a raw dataset of nnU-Net v2 as nnUNetv2_extract_fingerprint and nnUNetv2_plan_experiment do, to
    the last digit, and gives the plans.

    dataset: id or name. raw, preprocessed: folders nnUNet_raw and nnUNet_preprocessed, where the environment does not name
    them. flags: more of nnUNetv2_plan_experiment: gpu_memory_target=16, overwrite_plans_name="MyPlans", ..
    """
    environment = _folders(nnUNet_raw=raw, nnUNet_preprocessed=preprocessed)
    run("v2", "extract_fingerprint", "-d", dataset, "--no_pbar", environment=environment)
    run("v2", "plan_experiment", "-d", dataset, "-pl", planner, *_flags("-", flags), environment=environment)
    return _newest_plans(Path({**os.environ, **environment}["nnUNet_preprocessed"]), str(dataset))


def preprocess(dataset: Any, configurations: Sequence[str] = ("2d", "3d_fullres", "3d_lowres"), plans_name: str = "nnUNetPlans",
               *, raw: Any = None, preprocessed: Any = None, num_processes: int | None = None) -> None:
    """Preprocesses a planned dataset for training, as nnUNetv2_preprocess.

    dataset, raw, preprocessed: as for plan. configurations that the plans lack are left out. num_processes: cases at a
    time, at most one a core and as memory allows.
    """
    workers = [] if num_processes is None else ["-np", num_processes]
    run("v2", "preprocess", "-d", dataset, "-plans_name", plans_name, "-c", *configurations, *workers, "--no_pbar",
        environment=_folders(nnUNet_raw=raw, nnUNet_preprocessed=preprocessed))


def client(model: str, input: Any, output: Any, url: str = "http://127.0.0.1:8000", **flags: Any) -> str:
    """Has a server (`nnunet serve`) segment NIfTI images, and gives what `nnunet client` prints: how many there were.

    model: its name there. input: an image, or a folder of images; output: a label map, or a folder for them. flags: more of
    `nnunet client --help`: jobs=4, api_key_file="key", ..
    """
    return run("client", model=model, input=input, output=output, url=url, **flags)


def _flags(dashes: str, flags: Mapping[str, Any]) -> list[str]:
    words: list[str] = []
    for name, value in flags.items():
        if value is None or value is False:
            continue
        words.append(dashes + name)
        if value is not True:
            words += map(str, value) if isinstance(value, (list, tuple)) else [str(value)]
    return words


def _folders(**folders: Any) -> dict[str, Any]:
    return {name: folder for name, folder in folders.items() if folder is not None}


def _newest_plans(preprocessed: Path, dataset: str) -> dict[str, Any]:
    """Of a dataset by its id or name: those that were written just now."""
    pattern = f"Dataset{int(dataset):03}_*" if dataset.isdigit() else dataset
    files = sorted(preprocessed.glob(f"{pattern}/*.json"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    plans: dict[str, Any] = next(each for each in map(json.loads, map(Path.read_text, files)) if "plans_name" in each)
    return plans


def _logged(process: subprocess.Popen[str]) -> list[str]:
    """Its log, line by line as it comes."""
    lines = []
    for line in process.stderr or ():
        lines.append(line.rstrip())
        (LOG.warning if lines[-1].startswith("warning:") else LOG.info)("%s", lines[-1])
    return lines


def _failure(said: Sequence[str]) -> str:
    """From its last error on."""
    starts = [i for i, line in enumerate(said) if line.startswith("error:")]
    return "\n".join(said[starts[-1]:]).removeprefix("error:").strip() if starts else "\n".join(said[-5:])
