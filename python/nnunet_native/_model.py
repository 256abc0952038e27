"""A model that is open, and what the library does with it; shapes are (D,H,W), arrays of images (C,D,H,W)."""
from __future__ import annotations

import json
from ctypes import byref, c_double, c_int64
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from . import _arrays, _library
from ._library import api, check
from ._run import ProgressFunction, Run

#: Of an image's properties: where it lies, and what undoes its preparation.
_PLACE = ("spacing", "sitk_stuff", "nibabel_stuff")
_PREPARATION = ("spacing", "shape_before_cropping", "bbox_used_for_cropping", "shape_after_cropping_and_before_resampling",
                "turned")


class Handle:
    """An object of the library, released with this one."""

    def __init__(self, handle: Any, release: Any) -> None:
        self.pointer, self._release = handle, release

    def __del__(self) -> None:
        self._release(self.pointer)

    def __reduce__(self) -> Any:
        raise TypeError("nnunet_native: what the library holds (a model, a series) cannot be pickled or copied; open it anew in "
                        "each process")


@dataclass
class ImageFiles:
    """An image in files, and where its results go."""
    channels: Sequence[str]
    labels: str | None = None
    probabilities: str | None = None
    previous: str | None = None

    def place(self) -> _library.ImageFiles:
        def text(path: str | None) -> bytes | None:
            return None if path is None else _library.encoded(path)
        return _library.ImageFiles(channels=_library.names(self.channels), channels_count=len(self.channels),
                                   labels=text(self.labels), probabilities=text(self.probabilities),
                                   previous=text(self.previous))


@dataclass
class Results:
    """Of one image: labels (D,H,W), and probabilities (classes,D,H,W) where they were asked for."""
    labels: NDArray[Any]
    probabilities: NDArray[np.float32] | None

    def place(self) -> _library.Outputs:
        outputs = _library.Outputs(labels=_arrays.place(self.labels, "labels"))
        if self.probabilities is not None:
            outputs.probabilities = _arrays.place(self.probabilities, "probabilities")
        return outputs


class Prepared:
    """An image as the networks take it, and what undoes its preparation."""

    def __init__(self, handle: Handle) -> None:
        self.handle = handle

    def array(self) -> NDArray[np.float32]:
        """(input channels,D,H,W) float32, in the library's memory."""
        place = _library.Array()
        check(api.prepared_array(self.handle.pointer, byref(place)))
        return _arrays.borrowed(place, self.handle)

    def properties(self) -> dict[str, Any]:
        """Under nnU-Net's names."""
        text = _library.TEXT()
        check(api.prepared_json(self.handle.pointer, byref(text)))
        return json_object(text)


class Model:
    """Trained networks, ready for use."""

    def __init__(self, handle: Any) -> None:
        self._handle = Handle(handle, api.model_release)
        self.info = _library.ModelInfo()
        check(api.model_info(handle, byref(self.info)))
        self.label_type = np.dtype(np.uint16 if self.info.label_type == _library.UINT16 else np.uint8)
        self._facts: dict[str, Any] | None = None

    @property
    def pointer(self) -> Any:
        return self._handle.pointer

    @classmethod
    def open(cls, paths: Sequence[Any], folds: Sequence[str] = (), checkpoint: str | None = None, bf16: bool = False,
             data: Any = None) -> Model:
        _library.check_process()
        handle = _library.MODEL()
        options = _options(folds, checkpoint, bf16, data)
        check(api.model_open(_library.names(paths), len(paths), byref(options), byref(handle)))
        return cls(handle)

    @classmethod
    def open_memory(cls, files: Sequence[bytes], folds: Sequence[str] = (), checkpoint: str | None = None,
                    bf16: bool = False, data: Any = None) -> Model:
        _library.check_process()
        handle = _library.MODEL()
        contents = (_library.Bytes * len(files))(*[_library.Bytes(file, len(file)) for file in files])
        options = _options(folds, checkpoint, bf16, data)
        check(api.model_open_memory(contents, len(files), byref(options), byref(handle)))
        return cls(handle)

    def facts(self) -> dict[str, Any]:
        """All that it says of itself (docs/c-api.md)."""
        if self._facts is None:
            text = _library.TEXT()
            check(api.model_json(self.pointer, byref(text)))
            self._facts = json_object(text)
        return self._facts

    def memory(self, shape: Sequence[int], spacing: Sequence[float], options: _library.RunOptions) -> int:
        result = c_int64()
        check(api.model_memory(self.pointer, (c_int64 * 3)(*shape), (c_double * 3)(*spacing), byref(options), byref(result)))
        return result.value

    def segment(self, image: Image, probabilities: bool, options: _library.RunOptions,
                progress: ProgressFunction | None) -> Results:
        results = self._room(image.shape, probabilities)
        with Run(options, progress) as run:
            run.check(api.segment(self.pointer, byref(image.place), byref(options), byref(results.place())))
        return results

    def prepare(self, image: Image, options: _library.RunOptions) -> Prepared:
        _library.check_process()
        handle = _library.PREPARED()
        check(api.prepare(self.pointer, byref(image.place), options.threads, byref(handle)))
        return Prepared(Handle(handle, api.prepared_release))

    def prepared_from(self, properties: Mapping[str, Any]) -> Prepared:
        handle = _library.PREPARED()
        check(api.prepared_from_json(self.pointer, _json(properties, _PREPARATION), byref(handle)))
        return Prepared(Handle(handle, api.prepared_release))

    def segment_prepared(self, prepared: Prepared, shape: Sequence[int], probabilities: bool, options: _library.RunOptions,
                         progress: ProgressFunction | None) -> Results:
        results = self._room(shape, probabilities)
        with Run(options, progress) as run:
            run.check(api.segment_prepared(self.pointer, prepared.handle.pointer, byref(options), byref(results.place())))
        return results

    def logits(self, data: NDArray[np.float32], options: _library.RunOptions,
               progress: ProgressFunction | None) -> NDArray[np.float32]:
        """data: (input channels,D,H,W) float32 in C order; as wide as the networks' classes."""
        result = np.empty((self.info.classes, *data.shape[1:]), np.float32)
        places = _arrays.place(data, "data"), _arrays.place(result, "logits")
        with Run(options, progress) as run:
            run.check(api.logits(self.pointer, byref(places[0]), byref(options), byref(places[1])))
        return result

    def restore(self, prepared: Prepared, logits: NDArray[np.float32], shape: Sequence[int], probabilities: bool,
                precise: int) -> Results:
        _library.check_process()
        results = self._room(shape, probabilities)
        place = _arrays.place(logits, "predicted_logits")
        check(api.restore(self.pointer, prepared.handle.pointer, byref(place), precise, byref(results.place())))
        return results

    def read(self, files: ImageFiles) -> Image:
        _library.check_process()
        handle = _library.LOADED()
        check(api.image_read(self.pointer, byref(files.place()), byref(handle)))
        return Image.loaded(Handle(handle, api.loaded_release))

    def write(self, labels: NDArray[Any], properties: Mapping[str, Any], file: Any) -> None:
        place = _arrays.place(labels, "segmentation")
        check(api.labels_write(self.pointer, byref(place), _json(properties, _PLACE), _library.encoded(file)))

    def segment_files(self, images: Sequence[ImageFiles], options: _library.RunOptions,
                      progress: ProgressFunction | None) -> list[str]:
        """The messages of those that failed."""
        places = (_library.ImageFiles * len(images))(*[image.place() for image in images])
        with Run(options, progress) as run, Failures(run) as failures:
            run.check(api.segment_files(self.pointer, places, len(images), byref(options), failures.function, None, None))
        return failures.messages

    def segment_folder(self, source: str, output: str, folder: _library.FolderOptions, options: _library.RunOptions,
                       progress: ProgressFunction | None) -> tuple[list[str], _library.Counts]:
        """The same of a folder, and how many there were."""
        counts = _library.Counts()
        with Run(options, progress) as run, Failures(run) as failures:
            run.check(api.segment_folder(self.pointer, _library.encoded(source), _library.encoded(output), byref(folder),
                                         byref(options), failures.function, None, byref(counts)))
        return failures.messages, counts

    def _room(self, shape: Sequence[int], probabilities: bool) -> Results:
        return Results(np.empty(tuple(shape), self.label_type),
                       np.empty((self.info.classes, *shape), np.float32) if probabilities else None)


class Image:
    """An image to segment, where it lies."""

    def __init__(self, place: _library.Image, shape: Sequence[int], owner: Any) -> None:
        self.place, self.shape, self._owner = place, tuple(shape), owner

    @classmethod
    def given(cls, voxels: Any, properties: Mapping[str, Any], previous: Any = None, name: str = "image") -> Image:
        array = _arrays.readable(voxels, "input_image")
        place = _library.Image(voxels=_arrays.place(array, "input_image"), name=name.encode())
        place.spacing[:] = _arrays.spacing_of(properties)
        if "direction" in properties:
            place.direction[:] = [float(value) for value in np.ravel(properties["direction"])]
        owners = [array]
        if previous is not None:
            owners.append(_arrays.readable(previous, "segmentation_previous_stage"))
            place.previous = _arrays.place(owners[1], "segmentation_previous_stage")
        return cls(place, array.shape[-3:], owners)

    @classmethod
    def loaded(cls, handle: Handle) -> Image:
        place = _library.Image()
        check(api.loaded_image(handle.pointer, byref(place)))
        return cls(place, place.voxels.shape[1:4], handle)

    def array(self) -> NDArray[np.float32]:
        """Of an image that was read: (C,D,H,W) float32, in the library's memory."""
        return _arrays.borrowed(self.place.voxels, self._owner)

    def properties(self) -> dict[str, Any]:
        """Of an image that was read: where it lies, as nnU-Net's readers say it."""
        text = _library.TEXT()
        check(api.loaded_json(self._owner.pointer, byref(text)))
        return json_object(text)


class Failures:
    """Gathers which images failed."""

    def __init__(self, run: Run) -> None:
        self.messages: list[str] = []
        self._run = run
        self.function: Any = _library.FINISHED(self._finished)

    def __enter__(self) -> Failures:
        return self

    def __exit__(self, *_: Any) -> None:
        self.function = None  # which holds on to this object

    def _finished(self, _user: int | None, _image: int, _name: bytes, failure: bytes | None) -> None:
        if failure is not None:
            self._run.guard(lambda: self.messages.append(failure.decode(errors="replace")))


def _options(folds: Sequence[str], checkpoint: str | None, bf16: bool, data: Any) -> _library.ModelOptions:
    return _library.ModelOptions(folds=_library.names(folds), folds_count=len(folds), bf16=_library.ON if bf16 else _library.AS_MODEL,
                                 checkpoint=None if checkpoint is None else _library.encoded(checkpoint),
                                 data=None if data is None else _library.encoded(data))


def json_object(text: Any) -> dict[str, Any]:
    """A JSON object that the library made."""
    value: dict[str, Any] = json.loads(_library.text(text))
    return value


def _json(properties: Mapping[str, Any], keys: Sequence[str]) -> bytes:
    """These of them, numpy's numbers and arrays included."""
    def plain(value: Any) -> Any:
        return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else str(value)
    return json.dumps({key: properties[key] for key in keys if key in properties}, default=plain).encode()
