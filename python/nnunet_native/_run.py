"""What happens while the library works: progress, interruption, exceptions of the caller's functions."""
from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from typing import Any, Callable

from . import _library

#: done and total windows of an image (0, 0 while it is prepared), and its name.
ProgressFunction = Callable[[int, int, str], Any]


_at_work: dict[Run, threading.Event] = {}
_ending = False
os.register_at_fork(after_in_child=_at_work.clear)  # whose threads are not there


@atexit.register
def _end_work() -> None:
    """An interpreter that ends takes its daemon threads back by force, which ends the process where one is in the library:
    such work ends with the window at hand before."""
    global _ending
    _ending = True
    for ended in list(_at_work.values()):
        ended.wait()


class Bar:
    """How far an image is, in one line of a terminal."""

    def __init__(self) -> None:
        self._shown = False

    def __call__(self, done: int, total: int, name: str) -> None:
        if total > 0 and sys.stderr is not None and sys.stderr.isatty():
            self._shown = True
            print(f"\r{name}: {done}/{total} windows", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._shown:
            print(file=sys.stderr)


class Run:
    """Around a call into the library: with Run(options, progress) as run: run.check(api.segment(.., run.options, ..)).

    An exception cannot pass through the library. What the caller's functions raise, and what a signal raises, ends the
    work after the window at hand and is raised then.
    """

    def __init__(self, options: _library.RunOptions, progress: ProgressFunction | None) -> None:
        self.options = options
        self._progress = progress
        self._raised: BaseException | None = None
        self._former: Any = None
        self._tell_function: Any = _library.PROGRESS(self._tell)
        options.progress = self._tell_function

    def __enter__(self) -> Run:
        _library.check_process()
        _at_work[self] = threading.Event()
        # Python's handler would raise at any place, also between ours and the library's.
        if threading.current_thread() is threading.main_thread() and callable(signal.getsignal(signal.SIGINT)):
            self._former = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        if self._former is not None:
            signal.signal(signal.SIGINT, self._former)
        self.options.progress = _library.PROGRESS()
        self._tell_function = None  # which holds on to this object
        _at_work.pop(self).set()
        if kind is None and self._raised is not None:
            raise self._raised

    def check(self, status: int | None) -> None:
        """Raises what was raised meanwhile, else what the status says."""
        if self._raised is None:
            return _library.check(status)
        if status:
            _library.api.status_release(status)
        raise self._raised

    def guard(self, function: Callable[[], Any]) -> None:
        """Keeps what it raises."""
        try:
            function()
        except BaseException as error:  # of every kind: it is raised again
            self._raised = self._raised or error

    def _interrupt(self, number: int, frame: Any) -> None:
        self.guard(lambda: self._former(number, frame))

    def _tell(self, _user: int | None, progress: Any) -> int:
        if _ending:
            self._raised = self._raised or SystemExit()  # of which a thread says nothing
        tell = self._progress
        if tell is not None and self._raised is None:
            at = progress.contents
            self.guard(lambda: tell(at.done, at.total, at.name.decode(errors="replace")))
        return int(self._raised is not None)
