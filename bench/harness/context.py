"""What every section needs to know."""
from dataclasses import dataclass, field
from pathlib import Path

from .environment import ROOT


@dataclass
class Context:
    nnunet: str  # the program
    data: Path  # folder of MSD datasets
    work: Path  # scratch
    rounds: int
    threads: int
    memory_limit_mib: int
    machine: dict = field(default_factory=dict)  # peaks are added as they are measured

    def say(self, text):
        print(text, flush=True)

    def log_file(self, name):
        folder = ROOT / self.work / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{name.replace(' ', '_').replace('/', '_')}.log"
