"""Label maps and probabilities in files."""
from __future__ import annotations

import json
import os
import pickle
import tempfile
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from . import _errors, _library
from ._model import ImageFiles, Model
from ._run import ProgressFunction

_ARGUMENTS = "predict_from_raw_data_args.json"


def _write(path: Path, write: Callable[[Any], Any]) -> None:
    """A final name never holds half a file."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            write(file)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o666 & ~_umask())
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: Path, value: Any, sort_keys: bool = False) -> None:
    _write(path, lambda file: file.write(json.dumps(value, indent=4, sort_keys=sort_keys, default=str).encode()))


def write_probabilities(truncated: Any, probabilities: NDArray[np.float32], properties: Mapping[str, Any]) -> None:
    """NAME.npz and NAME.pkl, as nnU-Net v2 writes them."""
    name = os.fspath(truncated)
    _write(Path(name + ".npz"), lambda file: np.savez_compressed(file, probabilities=probabilities))
    _write(Path(name + ".pkl"), lambda file: pickle.dump(dict(properties), file))


class FileWork:
    """A call of predict_from_files."""

    def __init__(self, model: Model, options: _library.RunOptions, progress: ProgressFunction | None, save_probabilities: bool,
                 overwrite: bool, parts: int, part: int, previous: str | None) -> None:
        self._model, self._options, self._progress = model, options, progress
        self._save, self._overwrite, self._parts, self._part, self._previous = save_probabilities, overwrite, parts, part, previous
        self._ending: str = model.facts()["file_ending"]

    def run(self, source: Any, output: Any, arguments: Mapping[str, Any]) -> list[Any] | None:
        """source: a folder or lists of files; output: a folder, names without ending, or None."""
        if self._model.info.previous_stage and self._previous is None:
            raise _errors.InvalidCall("folder_with_segs_from_prev_stage: is not given, but the model takes label maps of "
                                      f"{self._model.facts().get('previous_stage_configuration', 'a previous stage')}; "
                                      "predict with that configuration first and give its output folder")
        if isinstance(source, str) and isinstance(output, str):
            return self._folder(source, output, arguments)
        lists = _cases_of_folder(source, self._ending) if isinstance(source, str) else [_list(files) for files in source]
        images = self._images(lists, output)
        if output is None:
            return [self._arrays(image) for image in images]
        return self._files(images, output, arguments)

    def _folder(self, source: str, output: str, arguments: Mapping[str, Any]) -> list[Any] | None:
        folder = _library.FolderOptions(save_probabilities=self._save, keep_existing=not self._overwrite, parts=self._parts,
                                        part=self._part,
                                        previous=None if self._previous is None else _library.encoded(self._previous))
        failures, counts = self._model.segment_folder(source, output, folder, self._options, self._progress)
        if "plans" in self._model.facts():
            write_json(Path(output) / _ARGUMENTS, arguments, sort_keys=True)
        if counts.failed > len(failures):  # images of another ending, which the log names
            failures.append(f"{counts.failed - len(failures)} files do not end in {self._ending}")
        _raise(failures, counts.segmented + counts.kept + counts.failed)
        return [None] * counts.segmented if counts.segmented else None

    def _images(self, lists: Sequence[Sequence[str]], output: Any) -> list[ImageFiles]:
        """This part's, without those that are there already."""
        names = [os.path.basename(files[0])[:-len(self._ending) - len("_0000")] for files in lists]
        if output is None:
            truncated: list[Any] = [None] * len(lists)
        elif isinstance(output, str):
            truncated = [os.path.join(output, name) for name in names]
        else:
            truncated = [os.fspath(name) for name in output]
        if len(truncated) != len(lists):
            raise _errors.InvalidCall(f"output_folder_or_list_of_truncated_output_files: has {len(truncated)} names for "
                                      f"{len(lists)} images")
        images = []
        for files, name, to in list(zip(lists, names, truncated))[self._part::self._parts]:
            image = ImageFiles(files)
            if self._previous is not None:
                image.previous = os.path.join(self._previous, name + self._ending)
            if to is not None:
                image.labels = to + self._ending
                image.probabilities = to + ".npz" if self._save else None
            if self._overwrite or not self._is_there(image):
                images.append(image)
        return images

    @staticmethod
    def _is_there(image: ImageFiles) -> bool:
        files = [file for file in (image.labels, image.probabilities) if file is not None]
        return bool(files) and all(map(os.path.isfile, files))

    def _arrays(self, files: ImageFiles) -> Any:
        found = self._model.segment(self._model.read(files), self._save, self._options, self._progress)
        return found.labels if found.probabilities is None else (found.labels, found.probabilities)

    def _files(self, images: Sequence[ImageFiles], output: Any, arguments: Mapping[str, Any]) -> list[Any] | None:
        folder = Path(output if isinstance(output, str) else os.path.dirname(os.fspath(output[0])) if output else ".")
        folder.mkdir(parents=True, exist_ok=True)
        self._describe(folder, arguments)
        if not images:
            return None
        _raise(self._model.segment_files(images, self._options, self._progress), len(images))
        return [None] * len(images)

    def _describe(self, folder: Path, arguments: Mapping[str, Any]) -> None:
        """What postprocessing and ensembles ask for, beside the label maps; a dataset's own files stay."""
        facts = self._model.facts()
        if "plans" not in facts:
            return
        descriptions = {"dataset.json": facts["dataset_json"], "plans.json": facts["plans"]}
        for name, content in descriptions.items():
            path = folder / name
            if path.exists() and not (folder / _ARGUMENTS).exists() and json.loads(path.read_text()) != content:
                raise _errors.Error(f"{path}: is there already, and not of an earlier prediction with this model; give another "
                                    "folder for the label maps")
        write_json(folder / _ARGUMENTS, arguments, sort_keys=True)
        for name, content in descriptions.items():
            write_json(folder / name, content)


def _list(files: Any) -> list[str]:
    if isinstance(files, (str, os.PathLike)):
        raise _errors.InvalidCall("list_of_lists_or_source_folder: has to be a list of lists: the files of each image, one a "
                                  f"channel; {os.fspath(files)} is a file by itself")
    return [os.fspath(file) for file in files]


def _cases_of_folder(folder: str, ending: str) -> list[list[str]]:
    """Files of CASE_0000, CASE_0001, .. by case, in the order of names."""
    cases: dict[str, list[str]] = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(ending) and not name.startswith("."):
            cases.setdefault(name[:-len(ending) - len("_0000")], []).append(os.path.join(folder, name))
    return list(cases.values())


def _raise(failures: Sequence[str], images: int) -> None:
    if failures:
        raise _errors.Error(f"{len(failures)} of {images} images failed: " + "; ".join(failures))
