"""Processes of the program and its peers: all on the same cores, with the same number of threads."""
import json
import os
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .environment import ROOT


class Failure(Exception):
    """A command did not do its work; the text says why, for the table."""


def limits(threads):
    """Environment and start-up function that keep a process and its children to so many cores."""
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "CUDA_VISIBLE_DEVICES": "",
                   "PYTHONPATH": str(ROOT / "bench/peers/startup")}
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
    peak_mib: float  # of the largest process; of all together where memory is watched
    output: str
    cpu_seconds: float = 0  # of the process and its children
    after_mark: float | None = None  # seconds from the mark's last appearance in the log to the end


def group(leader):
    """The processes of a session, which is what each command runs in: its children, too."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if int((folder / "stat").read_text().rpartition(")")[2].split()[3]) == leader:
                    yield folder
            except OSError:
                pass  # it has ended


def together_mib(leader):
    """Memory of all processes of a session. Pages of files and shared memory count once, as the largest share of one
    process."""
    own, from_files, shared = 0, 0, 0
    for folder in group(leader):
        try:
            fields = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
            own += int(fields["RssAnon"].split()[0])
            from_files = max(from_files, int(fields["RssFile"].split()[0]))
            shared = max(shared, int(fields["RssShmem"].split()[0]))
        except (OSError, KeyError):
            pass  # it has ended
    return (own + from_files + shared) / 1024


class Watch(threading.Thread):
    """Samples a command's memory; ends it when it passes the limit, before the machine runs out of memory. Also notes
    when a pattern last appeared in its log."""

    def __init__(self, process, limit_mib, log, mark):
        super().__init__(daemon=True)
        self.process, self.limit_mib, self.peak_mib = process, limit_mib, 0.0
        self.log, self.mark, self.marks, self.marked = Path(log), mark, 0, None
        self.start()

    def look_for_mark(self):
        marks = len(re.findall(self.mark, self.log.read_text(errors="replace")))
        if marks > self.marks:
            self.marks, self.marked = marks, time.perf_counter()

    def run(self):
        while self.process.returncode is None:
            if self.mark:
                self.look_for_mark()
            self.peak_mib = max(self.peak_mib, together_mib(self.process.pid))
            if self.peak_mib > self.limit_mib:
                try:
                    os.killpg(self.process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                return
            time.sleep(0.2)


def run(command, threads, log, extra=None, limit_mib=None, mark=None):
    """Runs a command to its end, its start included in the time. Everything that it prints goes to `log`. With a limit
    its memory is watched, and when the pattern `mark` last appeared in the log."""
    environment, on_start = limits(threads)
    environment.update(extra or {})
    watch = None
    with open(log, "w") as out:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                   preexec_fn=on_start, start_new_session=True)
        if limit_mib:
            watch = Watch(process, limit_mib, log, mark)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:  # interrupted: nothing may go on computing
            os.killpg(process.pid, signal.SIGKILL)
            raise
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    peak = max(usage.ru_maxrss / 1024, watch.peak_mib if watch else 0)
    if process.returncode != 0:
        if limit_mib and peak > limit_mib:
            raise Failure(f"stopped at {peak / 1024:.1f} GiB of memory")
        raise Failure(f"exit {process.returncode}: {last_words(log)}")
    after_mark = start + seconds - watch.marked if watch and watch.marked else None
    return Finished(seconds, peak, Path(log).read_text(errors="replace"),
                    usage.ru_utime + usage.ru_stime, after_mark)


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
