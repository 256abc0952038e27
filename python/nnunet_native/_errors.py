"""What can go wrong, as exceptions."""
from __future__ import annotations


class Error(RuntimeError):
    """A model, an image or a file was refused; the message names it, says why, and what to do."""


class InvalidCall(Error, ValueError):
    """An argument that cannot be: a fault of the calling program."""


class BadModel(Error):
    """No model, a damaged one, or one that is not supported."""


class Cancelled(Error):
    """The work was ended before its time."""


class NotEnoughMemory(Error, MemoryError):
    """There is not enough memory for this image."""
