"""Our side: the program's own benchmark, read back from its log."""
import json
from pathlib import Path

from .environment import ROOT
from .process import Failure, run


def logged(path):
    """The data of a dllogger file's last line."""
    try:
        lines = Path(ROOT / path).read_text().splitlines()
        return json.loads(lines[-1].removeprefix("DLLL "))["data"]
    except (OSError, IndexError, KeyError, ValueError) as e:
        raise Failure(f"{path}: {e}") from e


class OwnBenchmark:
    """`nnunet benchmark`, a fresh process each time. `figures` collects all that was logged."""

    def __init__(self, context, name, options, threads):
        self.context, self.threads = context, threads
        self.results = context.work / "results" / name
        self.command = [context.nnunet, "benchmark", *options, "--gpus", "0", "--results", str(self.results),
                        "--logname", "perf.json"]
        self.figures = []

    def measure(self, key):
        (ROOT / self.results).mkdir(parents=True, exist_ok=True)
        (ROOT / self.results / "perf.json").unlink(missing_ok=True)
        run(self.command, self.threads, self.context.log_file(self.results.name))
        figures = logged(self.results / "perf.json")
        self.figures.append(figures)
        if key not in figures:
            raise Failure(f"the log has no {key}")
        return figures[key]

    def all(self, key):
        return [f[key] for f in self.figures if key in f]
