"""The commands that the wheel brings, `nnunet` and `nnunet-native`, without what the package imports."""
import os
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent / "nnunet_native" / "bin" / "nnunet"
USAGE = """usage: nnunet-native v2-links DIR

Makes nnU-Net v2's commands (nnUNetv2_predict, nnUNetv2_train, ..) in the folder DIR: links to the program `nnunet`. Put DIR into
PATH. Links of this name that are there already are made anew, other files are left alone."""


def nnunet() -> None:
    """Becomes the program."""
    os.execv(PROGRAM, [str(PROGRAM), *sys.argv[1:]])


def make_links(folder: Path) -> int:
    """How many there are."""
    names = (PROGRAM.parent / "v2_commands").read_text().split()
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        link = folder / name
        if link.is_symlink():
            link.unlink()
        elif link.exists():
            sys.exit(f"error: {link}: is there and no link; give another folder")
        link.symlink_to(PROGRAM)
    return len(names)


def main() -> None:
    arguments = sys.argv[1:]
    if arguments in (["-h"], ["--help"]):
        print(USAGE)
    elif len(arguments) == 2 and arguments[0] == "v2-links":
        print(f"{make_links(Path(arguments[1]))} commands in {arguments[1]}")
    else:
        sys.exit(USAGE)
