"""The functions of libnnunet_c.so as its header, nnunet.h, declares them; ctypes lets other threads run meanwhile."""
from __future__ import annotations

import ctypes
import os
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t, c_uint32, c_void_p
from pathlib import Path
from typing import Any

from . import _errors

API_VERSION = 3
UINT8, INT8, UINT16, INT16, UINT32, INT32, UINT64, INT64, FLOAT32, FLOAT64 = range(1, 11)
AS_MODEL, ON, OFF = range(3)
BINARY, LABELMAP, RTSTRUCT = range(3)


class Array(Structure):
    _fields_ = [("data", c_void_p), ("type", c_int32), ("ndim", c_int32), ("shape", c_int64 * 4), ("strides", c_int64 * 4)]


class Sized(Structure):
    """A struct that may grow: its first field says how much of it this caller knows."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(struct_size=ctypes.sizeof(self), **fields)


class Image(Sized):
    _fields_ = [("struct_size", c_size_t), ("voxels", Array), ("spacing", c_double * 3), ("direction", c_double * 9),
                ("previous", Array), ("name", c_char_p)]


class Progress(Sized):
    _fields_ = [("struct_size", c_size_t), ("done", c_int64), ("total", c_int64), ("image", c_int64), ("images", c_int64),
                ("name", c_char_p)]


PROGRESS = CFUNCTYPE(c_int, c_void_p, POINTER(Progress))
FINISHED = CFUNCTYPE(None, c_void_p, c_int64, c_char_p, c_char_p)
LOG = CFUNCTYPE(None, c_void_p, c_int32, c_char_p)


class ModelOptions(Sized):
    _fields_ = [("struct_size", c_size_t), ("folds", POINTER(c_char_p)), ("folds_count", c_size_t), ("checkpoint", c_char_p),
                ("bf16", c_int32), ("data", c_char_p)]


class RunOptions(Sized):
    _fields_ = [("struct_size", c_size_t), ("tile_step", c_double), ("mirroring", c_int32), ("gaussian", c_int32),
                ("precise", c_int32), ("batch_size", c_int32), ("threads", c_int32), ("scratch", c_char_p),
                ("progress", PROGRESS), ("progress_user", c_void_p)]


class Outputs(Sized):
    _fields_ = [("struct_size", c_size_t), ("labels", Array), ("probabilities", Array)]


class ModelInfo(Sized):
    _fields_ = [("struct_size", c_size_t), ("dim", c_int32), ("channels", c_int32), ("input_channels", c_int32),
                ("classes", c_int32), ("labels", c_int32), ("label_type", c_int32), ("regions", c_int32),
                ("previous_stage", c_int32), ("reorients", c_int32), ("networks", c_int32), ("transpose", c_int32 * 3),
                ("patch", c_int64 * 3), ("spacing", c_double * 3)]


class Bytes(Structure):
    _fields_ = [("data", c_char_p), ("size", c_size_t)]


class ImageFiles(Sized):
    _fields_ = [("struct_size", c_size_t), ("channels", POINTER(c_char_p)), ("channels_count", c_size_t), ("labels", c_char_p),
                ("probabilities", c_char_p), ("previous", c_char_p)]


class FolderOptions(Sized):
    _fields_ = [("struct_size", c_size_t), ("previous", c_char_p), ("save_probabilities", c_int32), ("keep_existing", c_int32),
                ("parts", c_int32), ("part", c_int32)]


class Counts(Sized):
    _fields_ = [("struct_size", c_size_t), ("segmented", c_int64), ("kept", c_int64), ("failed", c_int64)]


STATUS = MODEL = PREPARED = LOADED = TEXT = DICOM = c_void_p  # opaque


class ObjectOptions(Sized):
    _fields_ = [("struct_size", c_size_t), ("type", c_int32), ("labels", c_char_p), ("model", MODEL), ("algorithm", c_char_p),
                ("description", c_char_p), ("series_number", c_int32), ("anonymous", c_int32)]


class Api(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("version", c_uint32),
        ("program_version", CFUNCTYPE(c_char_p)),
        ("status_code", CFUNCTYPE(c_int32, STATUS)),
        ("status_message", CFUNCTYPE(c_char_p, STATUS)),
        ("status_release", CFUNCTYPE(None, STATUS)),
        ("text_chars", CFUNCTYPE(c_char_p, TEXT)),
        ("text_size", CFUNCTYPE(c_size_t, TEXT)),
        ("text_release", CFUNCTYPE(None, TEXT)),
        ("set_log", CFUNCTYPE(STATUS, LOG, c_void_p)),
        ("model_open", CFUNCTYPE(STATUS, POINTER(c_char_p), c_size_t, POINTER(ModelOptions), POINTER(MODEL))),
        ("model_open_memory", CFUNCTYPE(STATUS, POINTER(Bytes), c_size_t, POINTER(ModelOptions), POINTER(MODEL))),
        ("model_release", CFUNCTYPE(None, MODEL)),
        ("model_info", CFUNCTYPE(STATUS, MODEL, POINTER(ModelInfo))),
        ("model_channel", CFUNCTYPE(c_char_p, MODEL, c_int32)),
        ("model_label", CFUNCTYPE(c_char_p, MODEL, c_int32, POINTER(c_int32))),
        ("model_json", CFUNCTYPE(STATUS, MODEL, POINTER(TEXT))),
        ("model_memory", CFUNCTYPE(STATUS, MODEL, POINTER(c_int64), POINTER(c_double), POINTER(RunOptions), POINTER(c_int64))),
        ("segment", CFUNCTYPE(STATUS, MODEL, POINTER(Image), POINTER(RunOptions), POINTER(Outputs))),
        ("prepare", CFUNCTYPE(STATUS, MODEL, POINTER(Image), c_int32, POINTER(PREPARED))),
        ("prepared_release", CFUNCTYPE(None, PREPARED)),
        ("prepared_array", CFUNCTYPE(STATUS, PREPARED, POINTER(Array))),
        ("prepared_json", CFUNCTYPE(STATUS, PREPARED, POINTER(TEXT))),
        ("prepared_from_json", CFUNCTYPE(STATUS, MODEL, c_char_p, POINTER(PREPARED))),
        ("segment_prepared", CFUNCTYPE(STATUS, MODEL, PREPARED, POINTER(RunOptions), POINTER(Outputs))),
        ("logits", CFUNCTYPE(STATUS, MODEL, POINTER(Array), POINTER(RunOptions), POINTER(Array))),
        ("restore", CFUNCTYPE(STATUS, MODEL, PREPARED, POINTER(Array), c_int32, POINTER(Outputs))),
        ("segment_files", CFUNCTYPE(STATUS, MODEL, POINTER(ImageFiles), c_size_t, POINTER(RunOptions), FINISHED, c_void_p,
                                    POINTER(Counts))),
        ("segment_folder", CFUNCTYPE(STATUS, MODEL, c_char_p, c_char_p, POINTER(FolderOptions), POINTER(RunOptions), FINISHED,
                                     c_void_p, POINTER(Counts))),
        ("image_read", CFUNCTYPE(STATUS, MODEL, POINTER(ImageFiles), POINTER(LOADED))),
        ("loaded_release", CFUNCTYPE(None, LOADED)),
        ("loaded_image", CFUNCTYPE(STATUS, LOADED, POINTER(Image))),
        ("loaded_json", CFUNCTYPE(STATUS, LOADED, POINTER(TEXT))),
        ("labels_write", CFUNCTYPE(STATUS, MODEL, POINTER(Array), c_char_p, c_char_p)),
        ("dicom_find", CFUNCTYPE(STATUS, c_char_p, POINTER(DICOM))),
        ("dicom_release", CFUNCTYPE(None, DICOM)),
        ("dicom_json", CFUNCTYPE(STATUS, DICOM, POINTER(TEXT))),
        ("dicom_image", CFUNCTYPE(STATUS, DICOM, POINTER(c_char_p), c_size_t, c_int32, POINTER(LOADED))),
        ("dicom_write", CFUNCTYPE(STATUS, DICOM, c_char_p, POINTER(Array), POINTER(ObjectOptions), c_char_p)),
        ("score", CFUNCTYPE(STATUS, POINTER(Array), POINTER(Array), POINTER(c_double), POINTER(TEXT))),
    ]


def _load() -> Api:
    library = ctypes.CDLL(str(Path(__file__).parent / "lib" / "libnnunet_c.so"))
    library.nnunet_get_api.restype = POINTER(Api)
    library.nnunet_get_api.argtypes = [c_uint32]
    table = library.nnunet_get_api(API_VERSION)
    if not table:
        raise ImportError("nnunet_native: libnnunet_c.so is older than this package; install the wheel again")
    contents: Api = table.contents
    return contents


api = _load()
_worked_in: set[int] = set()  # the process whose calls may have started OpenMP's threads

_EXCEPTIONS = {1: _errors.InvalidCall, 2: _errors.BadModel, 4: _errors.Cancelled, 5: _errors.NotEnoughMemory}


def check(status: int | None) -> None:
    """Raises what a call's status says, and releases it."""
    if not status:
        return
    code, message = api.status_code(status), api.status_message(status).decode(errors="replace")
    api.status_release(status)
    raise _EXCEPTIONS.get(code, _errors.Error)(message)


def check_process() -> None:
    """OpenMP's threads do not live on in a forked process: a call there would wait for them for ever."""
    if _worked_in and os.getpid() not in _worked_in:
        raise _errors.Error("nnunet_native: was used before this process was forked; start processes by "
                            "multiprocessing.get_context('spawn'), or use threads, which run beside each other")
    _worked_in.add(os.getpid())


def text(handle: c_void_p) -> str:
    """A text that the library made, which is released."""
    try:
        return ctypes.string_at(api.text_chars(handle), api.text_size(handle)).decode(errors="replace")
    finally:
        api.text_release(handle)


def encoded(path: Any) -> bytes:
    """A path or text as C takes it, to which a null byte would be the end."""
    text = os.fsencode(path)
    if b"\0" in text:
        raise ValueError(f"{path!r}: has a null byte")
    return text


def names(values: Any) -> Any:
    """Paths or texts as a C array of strings; NULL where there are none."""
    texts = [encoded(value) for value in values]
    return (c_char_p * len(texts))(*texts) if texts else None
