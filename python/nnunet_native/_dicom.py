"""DICOM: series in folders and zips, read as arrays; label maps as objects of a series. Not a medical device."""
from __future__ import annotations

import json
import os
from ctypes import byref
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Mapping, Sequence, Union

import numpy as np
from numpy.typing import NDArray

from . import _arrays, _errors, _library
from ._library import api, check
from ._log import LOG
from ._model import Handle, Image, Model, json_object

PathLike = Union[str, "os.PathLike[str]"]
ObjectType = Literal["binary", "labelmap", "rtstruct"]
_OBJECTS = {"binary": _library.BINARY, "labelmap": _library.LABELMAP, "rtstruct": _library.RTSTRUCT}


@dataclass(frozen=True)
class DicomSeries:
    """A series of images that find_series found.

    uid, study_uid, frame_of_reference_uid: as the files have them; made up where these are empty or wrong (invented_uids).
    Volumes of one series (echoes, phases, ..) are listed each: "UID-1", "UID-2", ..; apart: what tells one from the others.
    modality: "CT", "MR", ..; number: as the scanner counts series, 0: it does not say.
    shape: (planes, rows, columns).
    problem: why it cannot be read; "": it can. remedy: what to do then. warnings: what was repaired or is unusual.
    spacing: mm, (z, y, x), z from plane to plane; None where there is a problem, as for the two below.
    origin: of the first voxel's centre, mm, LPS (x, y, z).
    direction: 3x3, row by row: its columns say where x, y, z run, LPS; with a tilted gantry z is no unit vector.
    """
    uid: str
    apart: str
    modality: str
    number: int
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float] | None
    problem: str
    remedy: str
    warnings: tuple[str, ...]
    study_uid: str
    frame_of_reference_uid: str
    invented_uids: bool
    origin: tuple[float, float, float] | None
    direction: tuple[float, ...] | None
    _found: Handle = field(repr=False, compare=False)

    @classmethod
    def _of(cls, found: Handle, facts: Mapping[str, Any]) -> DicomSeries:
        def numbers(key: str) -> Any:
            return tuple(facts[key]) if key in facts else None
        return cls(facts["uid"], facts["apart"], facts["modality"], facts["number"], numbers("shape"), numbers("spacing"), facts["problem"],
                   facts["remedy"], tuple(facts["warnings"]), facts["study_uid"], facts["frame_of_reference_uid"],
                   facts["invented_uids"], numbers("origin"), numbers("direction"), found)

    def read(self) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """read_series of this one."""
        return read_series(self)


class Chosen:
    """Series of one finding, to be read and written."""

    def __init__(self, found: Handle, uids: Sequence[str]) -> None:
        self._found, self._uids = found, uids

    @classmethod
    def of(cls, source: PathLike | DicomSeries | Sequence[DicomSeries], uids: str | Sequence[str] | None) -> Chosen:
        """uids None: the only series of a path, or those that source lists."""
        if isinstance(source, (str, os.PathLike)):
            wanted = [] if uids is None else [uids] if isinstance(uids, str) else list(uids)
            return cls(_find(source), wanted)
        if uids is not None:
            raise _errors.InvalidCall("uids: choose series of a path; the series that are given are chosen already")
        series = [source] if isinstance(source, DicomSeries) else list(source)
        if not series or not all(isinstance(one, DicomSeries) for one in series):
            raise _errors.InvalidCall("source: has to be a path, or series that find_series gave")
        if any(one._found is not series[0]._found for one in series):
            raise _errors.InvalidCall("source: channels have to be series that one call of find_series gave")
        return cls(series[0]._found, [one.uid for one in series])

    def image(self, threads: int = 0) -> Image:
        _library.check_process()
        handle = _library.LOADED()
        check(api.dicom_image(self._found.pointer, _library.names(self._uids), len(self._uids), threads, byref(handle)))
        return Image.loaded(Handle(handle, api.loaded_release))

    def write(self, labels: NDArray[Any], file: PathLike, options: _library.ObjectOptions) -> None:
        """As an object of the first series."""
        _library.check_process()
        uid = self._uids[0].encode() if self._uids else None
        check(api.dicom_write(self._found.pointer, uid, byref(_arrays.place(labels, "labels")), byref(options),
                              _library.encoded(file)))


def find_series(path: PathLike) -> list[DicomSeries]:
    """The DICOM series of images in a folder and all below it, in a zip or in a file; those that cannot be read say why
    (problem). Which files are in no series goes to logging.getLogger("nnunet_native").

    Files are not copied; a zip is unpacked to a temporary folder, which goes with the last of its series. Nothing that says
    who the patient is is read.
    """
    found = _find(path)
    facts = _facts(found)
    for left_out in facts["left_out"]:
        LOG.warning("%s is left out: it %s", left_out["file"], left_out["reason"])
    if facts["others"]:
        LOG.info("%s: %s files are not DICOM", path, facts["others"])
    return [DicomSeries._of(found, series) for series in facts["series"]]


def read_series(source: PathLike | DicomSeries | Sequence[DicomSeries], uids: str | Sequence[str] | None = None, *,
                threads: int = 0) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """A series as an image: array (channels, z, y, x) float32 and properties, which Predictor's methods take.

    Values are those measured (rescale slope and intercept; padding is the least measured value), on the series' own axes: x
    along a row, y along a column, z from plane to plane. properties: "spacing" (mm; z, y, x), "direction" and "sitk_stuff"
    (SimpleITK's spacing, origin, direction), so write_seg writes labels on this grid as NIfTI.

    source: a folder, zip or file, or a series that find_series gave; several of them, on one grid, are a channel each.
    uids: of a path with several series: which one, or one a channel.
    threads: 0: as many as there are cores.
    """
    return _read(Chosen.of(source, uids).image(threads))


def write_dicom_seg(labels: Any, series: PathLike | DicomSeries, file: PathLike, object_type: ObjectType = "binary", *,
                    labels_json: Mapping[Any, Any] | PathLike | None = None, anonymous: bool = False,
                    algorithm: str | None = None, description: str | None = None, series_number: int = 1000) -> None:
    """Writes a label map as a DICOM object of the series that it was drawn or predicted on. It refers to the series'
    instances and says that it is no medical device; an existing file is replaced, one of the series is refused.

    labels: (z, y, x), whole numbers, on the axes of read_series.
    series: a series that find_series gave, or a path with one series.
    object_type: "binary" (Segmentation, a bit a voxel and label), "labelmap" (Label Map Segmentation) or "rtstruct" (closed
    contours).
    labels_json: what values are called, codes and colours (docs/dicom-out.md): {1: "liver", 2: {"name": ..}} or a file;
    None: "label 1", ..
    anonymous: what says who the patient is stays empty.
    algorithm: its name, 64 letters; None: "nnU-Net (nnunet)". description: of the object's series; None: "Segmentation".
    """
    options = object_options(object_type, labels_json, anonymous)
    options.algorithm = None if algorithm is None else algorithm.encode()
    options.description = None if description is None else description.encode()
    options.series_number = series_number
    Chosen.of(series, None).write(_arrays.readable(labels, "labels"), file, options)


def object_options(object_type: str, labels_json: Mapping[Any, Any] | PathLike | None, anonymous: bool,
                   model: Model | None = None) -> _library.ObjectOptions:
    """model: whose names count where there is no labels_json."""
    if object_type not in _OBJECTS:
        raise _errors.InvalidCall(f"object_type: {object_type!r} is none of {', '.join(_OBJECTS)}")
    text = None
    if isinstance(labels_json, Mapping):
        text = json.dumps({str(value): said for value, said in labels_json.items()}).encode()
    elif labels_json is not None:
        text = _text_of(labels_json)
    return _library.ObjectOptions(type=_OBJECTS[object_type], labels=text, anonymous=anonymous,
                                  model=None if model is None else model.pointer)


def _text_of(file: PathLike) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise _errors.Error(f"labels_json: {os.fspath(file)}: cannot be read: {error.strerror}") from error


def _find(path: PathLike) -> Handle:
    _library.check_process()
    handle = _library.DICOM()
    check(api.dicom_find(_library.encoded(path), byref(handle)))
    return Handle(handle, api.dicom_release)


def _facts(found: Handle) -> dict[str, Any]:
    text = _library.TEXT()
    check(api.dicom_json(found.pointer, byref(text)))
    return json_object(text)


def _read(image: Image) -> tuple[NDArray[np.float32], dict[str, Any]]:
    properties = image.properties()
    return image.array(), {**properties, "direction": properties["sitk_stuff"]["direction"]}
