"""Interleaved rounds of contestants, and the rows of the tables made from them."""
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from .process import Failure

SLOW = 15  # seconds a measurement of a contestant that no floor depends on may take to be repeated


@dataclass
class Contestant:
    name: str
    command: list  # what is shown in the report
    measure: Callable[[], float]
    optional: bool = False  # no floor depends on it
    samples: dict = field(default_factory=dict)  # by round
    error: str = ""


class Noting(Contestant):
    """A contestant that also notes other figures of its runs, by round."""

    def __init__(self, name, command, measure):
        super().__init__(name, command, measure)
        self.figures = {}

    def note(self, **figures):
        self.figures[len(self.figures)] = figures

    def only(self, key):
        """Another figure of the same runs, to be compared as the time is."""
        return Contestant(self.name, self.command, self.measure,
                          samples={r: f[key] for r, f in self.figures.items()}, error=self.error)


def play(contestants, rounds, say):
    """Each round measures everyone once, the order turned round every time, so that drift hits all alike."""
    for number in range(rounds):
        order = contestants if number % 2 == 0 else contestants[::-1]
        for one in order:
            if one.error:
                continue
            start = time.perf_counter()
            try:
                value = one.measure()
                one.samples[number] = value
                say(f"  round {number + 1}/{rounds}  {one.name}: {value:.4g}")
            except Failure as failure:
                one.error = str(failure)
                say(f"  round {number + 1}/{rounds}  {one.name}: {failure}")
            if one.optional and time.perf_counter() - start > SLOW:
                one.error = one.error or "too slow to repeat"


def ratio_row(what, ours, peer, unit, floor=None, more_is_better=False):
    """How many times faster we are: the median of the rounds' own ratios, with their range."""
    row = {"what": what, "peer": peer.name, "unit": unit, "floor": floor}
    if not ours.samples or not peer.samples:
        return {**row, "error": f"{ours.name}: {ours.error}" if not ours.samples else f"{peer.name}: {peer.error}"}
    pairs = [(ours.samples[r], peer.samples[r]) for r in sorted(ours.samples.keys() & peer.samples.keys())]
    ratios = sorted(a / b if more_is_better else b / a for a, b in pairs)
    row.update(ours=median(a for a, _ in pairs), theirs=median(b for _, b in pairs), ratio=median(ratios),
               lowest=ratios[0], highest=ratios[-1], rounds=len(pairs))
    if floor is not None:
        row["met"] = row["ratio"] >= floor
    return row


def limit_row(what, values, unit, limit, error=""):
    """A figure of our own that must not exceed a limit; without values, why there are none."""
    row = {"what": what, "unit": unit, "limit": limit}
    if not values:
        return {**row, "error": error or "not measured"}
    middle = median(values)
    row.update(ours=middle, rounds=len(values))
    return row if limit is None else {**row, "met": middle <= limit}
