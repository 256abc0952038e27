"""The library's log goes to logging.getLogger("nnunet_native")."""
from __future__ import annotations

import atexit
import logging
import sys
from typing import Any

from . import _library

LOG = logging.getLogger("nnunet_native")
_LEVELS = (logging.INFO, logging.WARNING, logging.ERROR)


def _log(_user: int | None, level: int, message: bytes) -> None:
    LOG.log(_LEVELS[level], "%s", message.decode(errors="replace"))


_receive: Any = _library.LOG(_log)


def connect() -> None:
    _library.check(_library.api.set_log(_receive, None))
    atexit.register(lambda: _library.check(_library.api.set_log(_library.LOG(), None)))


def be_verbose() -> None:
    """Lines about every image, too, on the terminal unless the program has set up logging."""
    LOG.setLevel(logging.INFO)
    if not LOG.hasHandlers():
        LOG.addHandler(logging.StreamHandler(sys.stdout))
