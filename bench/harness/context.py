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
    isa: str | None = None  # the instruction set that everyone is held to; None: the processor's

    def has_bf16(self):
        """Whether bf16 is multiplied as it is; where it is emulated, nobody uses it."""
        return not self.isa and bool({"avx512_bf16", "amx_bf16", "bf16"} & set(self.machine["instruction_sets"]))

    def has_avx512(self):
        return not self.isa and "avx512f" in self.machine["instruction_sets"]

    def say(self, text):
        print(text, flush=True)

    def log_file(self, name):
        folder = ROOT / self.work / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{name.replace(' ', '_').replace('/', '_')}.log"
