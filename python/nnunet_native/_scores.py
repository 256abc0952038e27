"""How label maps agree with others."""
from __future__ import annotations

import json
import os
import tempfile
from ctypes import byref, c_double
from pathlib import Path
from typing import Any, Sequence

from . import _arrays, _errors, _library, _program
from ._model import json_object


def score(labels: Any, reference: Any, *, spacing: Sequence[float] | None = None, **flags: Any) -> dict[str, Any]:
    """Dice, HD95 (mm), precision, recall and volumes (mL) of label maps, as `nnunet score --json` gives them:
    {"mean dice": .., "classes": {"L1": {"dice": .., "hd95_mm": .., ..}, ..}, "cases": [..], ..}; None for what does not exist.

    labels, reference: two arrays (z, y, x) of whole numbers from 0 to 255, where they lie, of one shape; or folders, or
    files, of the same names.
    spacing: of arrays, mm, (z, y, x).
    flags: of folders and files, more of `nnunet score --help`: csv="scores.csv", ..
    """
    given = [isinstance(each, (str, os.PathLike)) for each in (labels, reference)]
    if all(given):
        if spacing is not None:
            raise _errors.InvalidCall("spacing: is for arrays; files say it themselves")
        return _of_files(labels, reference, flags)
    if any(given):
        raise _errors.InvalidCall("labels, reference: are an array and a file; read_images of a Predictor reads one")
    if flags:
        raise _errors.InvalidCall(f"{', '.join(flags)}: are for folders and files, not for arrays")
    return _of_arrays(labels, reference, spacing)


def _of_arrays(labels: Any, reference: Any, spacing: Sequence[float] | None) -> dict[str, Any]:
    if spacing is None or len(spacing) != 3:
        raise _errors.InvalidCall("spacing: has to be three numbers, mm, in the order of the arrays' axes (z, y, x)")
    arrays = [_arrays.readable(labels, "labels"), _arrays.readable(reference, "reference")]
    places = [_arrays.place(array, what) for array, what in zip(arrays, ("labels", "reference"))]
    _library.check_process()
    text = _library.TEXT()
    _library.check(_library.api.score(byref(places[0]), byref(places[1]), (c_double * 3)(*spacing), byref(text)))
    return json_object(text)


def _of_files(labels: Any, reference: Any, flags: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scores.json"
        _program.run("score", preds=labels, lbls=reference, json=file, **flags)
        scores: dict[str, Any] = json.loads(file.read_text())
        return scores
