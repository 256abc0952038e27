"""Arrays of numpy, and of whatever speaks DLPack, as the library takes them: where they lie, without a copy."""
from __future__ import annotations

from typing import Any, Sequence

import numpy as np
from numpy.typing import NDArray

from . import _errors, _library

_TYPES = {np.dtype(name): code for name, code in (
    ("uint8", _library.UINT8), ("int8", _library.INT8), ("uint16", _library.UINT16), ("int16", _library.INT16),
    ("uint32", _library.UINT32), ("int32", _library.INT32), ("uint64", _library.UINT64), ("int64", _library.INT64),
    ("float32", _library.FLOAT32), ("float64", _library.FLOAT64))}


def as_numpy(value: Any, what: str) -> NDArray[Any]:
    """A view of an array in this machine's memory: numpy's own, by DLPack (torch, JAX, CuPy, ..), or what numpy.asarray
    takes."""
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "__dlpack__"):
        try:
            return np.from_dlpack(value)
        except (BufferError, RuntimeError, TypeError, ValueError) as error:
            raise _errors.InvalidCall(f"{what}: cannot be read where it lies ({error}); hand over numbers that numpy has, in main "
                                      "memory (of torch: tensor.detach().float().cpu())") from error
    return np.asarray(value)


def readable(value: Any, what: str) -> NDArray[Any]:
    """The same with numbers that the library reads. Half precision, other byte orders and unaligned numbers are copied."""
    array = _known_numbers(as_numpy(value, what), what)
    # One number for all places (numpy.broadcast_to): strides that are all 0 mean C order to the library.
    return array if array.size <= 1 or any(array.strides) else np.ascontiguousarray(array)


def _known_numbers(array: NDArray[Any], what: str) -> NDArray[Any]:
    if array.dtype == np.float16:
        return array.astype(np.float32)
    if array.dtype == np.bool_:
        return array.view(np.uint8)
    native = array.dtype.newbyteorder("=")
    if native not in _TYPES:
        raise _errors.InvalidCall(f"{what}: holds {array.dtype}, not numbers that an image can have")
    if array.dtype != native or not array.flags.aligned:
        return array.astype(native)
    return array


def place(array: NDArray[Any], what: str) -> _library.Array:
    """Where it lies. The array has to outlive what is done with it."""
    if array.ndim not in (3, 4):
        raise _errors.InvalidCall(f"{what}: has the shape {array.shape}; it has to be (channels, depth, height, width)")
    result = _library.Array(data=array.ctypes.data, type=_TYPES[array.dtype], ndim=array.ndim)
    result.shape[:array.ndim] = array.shape
    result.strides[:array.ndim] = array.strides
    return result


def floats(value: Any, what: str) -> NDArray[np.float32]:
    """float32 in C order, (channels, depth, height, width)."""
    array = np.ascontiguousarray(readable(value, what), dtype=np.float32)
    if array.ndim != 4:
        raise _errors.InvalidCall(f"{what}: has the shape {array.shape}; it has to be (channels, depth, height, width)")
    return array


class _Memory:
    """Numbers that belong to another object, which lives as long as an array of them."""

    def __init__(self, place: _library.Array, owner: Any) -> None:
        self.owner = owner
        self.__array_interface__ = {"version": 3, "typestr": "<f4", "data": (place.data, False),
                                    "shape": tuple(place.shape[:place.ndim])}


def borrowed(place: _library.Array, owner: Any) -> NDArray[np.float32]:
    """float32 in C order in the library's memory, of which owner holds on to the handle."""
    return np.asarray(_Memory(place, owner))


def spacing_of(properties: Any) -> Sequence[float]:
    """properties["spacing"]: mm, (z, y, x)."""
    try:
        spacing = [float(value) for value in properties["spacing"]]
    except (KeyError, TypeError, ValueError) as error:
        raise _errors.InvalidCall('image_properties: has to be a dict with "spacing": three numbers, mm, in the order of the '
                                  "array's axes (z, y, x)") from error
    if len(spacing) != 3:
        raise _errors.InvalidCall(f'image_properties: "spacing" has {len(spacing)} numbers, not 3 (z, y, x)')
    return spacing


