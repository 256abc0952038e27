"""Processes of the program and its peers: all on the same cores, with the same number of threads."""
import json
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .environment import ROOT

PAGE = os.sysconf("SC_PAGE_SIZE")


class Failure(Exception):
    """A command did not do its work; the text says why, for the table."""


def limits(threads):
    """Environment and start-up function that keep a process and its children to so many cores."""
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "CUDA_VISIBLE_DEVICES": ""}
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
        environment[name] = str(threads)
    cores = sorted(os.sched_getaffinity(0))[:threads]
    return environment, lambda: os.sched_setaffinity(0, cores)


def last_words(path):
    lines = [line.strip() for line in Path(path).read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "no message"


@dataclass
class Finished:
    seconds: float
    peak_mib: float  # of the largest process
    output: str


def watch(process, limit_mib):
    """Ends the process when its resident memory passes the limit, before the machine runs out of it."""
    while process.returncode is None:
        try:
            resident = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * PAGE / 2**20
        except (OSError, IndexError):
            return
        if resident > limit_mib:
            os.killpg(process.pid, signal.SIGKILL)
            return
        time.sleep(0.2)


def run(command, threads, log, extra=None, limit_mib=None):
    """Runs a command to its end, its start included in the time. Everything that it prints goes to `log`."""
    environment, on_start = limits(threads)
    environment.update(extra or {})
    with open(log, "w") as out:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                   preexec_fn=on_start, start_new_session=True)
        if limit_mib:
            threading.Thread(target=watch, args=(process, limit_mib), daemon=True).start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:  # interrupted: nothing may go on computing
            os.killpg(process.pid, signal.SIGKILL)
            raise
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    peak = usage.ru_maxrss / 1024
    if process.returncode != 0:
        if limit_mib and peak > limit_mib:
            raise Failure(f"stopped at {peak / 1024:.1f} GiB of memory")
        raise Failure(f"exit {process.returncode}: {last_words(log)}")
    return Finished(seconds, peak, Path(log).read_text(errors="replace"))


class Worker:
    """A peer that prepares once and measures on demand (bench/peers/worker.py); it sleeps in between."""

    def __init__(self, command, threads, log):
        self.log = log
        environment, on_start = limits(threads)
        with open(log, "w") as err:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=err, text=True, preexec_fn=on_start)
        self._answer("ready")

    def _answer(self, key):
        for line in self.process.stdout:
            if line.startswith("{"):
                answer = json.loads(line)
                if key in answer:
                    return answer[key]
        raise Failure(f"exit {self.process.wait()}: {last_words(self.log)}")

    def ask(self, question, key):
        try:
            self.process.stdin.write(f"{question}\n")
            self.process.stdin.flush()
        except OSError:
            pass  # _answer tells why
        return self._answer(key)

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
