"""The peers' virtual environment, and what is known of the machine."""
import hashlib
import os
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = Path(".deps/bench-venv")  # paths are relative to ROOT, where every command runs
REQUIREMENTS = ROOT / "bench/requirements.txt"
SHOWN = ("torch", "onnxruntime", "openvino", "nnunetv2", "batchgeneratorsv2", "monai", "nvidia-dali-cuda120", "nibabel",
         "scikit-image")
INSTRUCTION_SETS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "sve", "bf16")


def pinned():
    lines = (line.split("#")[0].strip() for line in REQUIREMENTS.read_text().splitlines())
    return [line for line in lines if line]


def peer_versions():
    return {name: version for name, version in (line.split("==") for line in pinned()) if name in SHOWN}


def peer_program(name):
    """An executable of the peers' environment: "python", "nnUNetv2_predict", ..."""
    return str(VENV / "bin" / name)


def ensure_venv(say):
    """Installs the peers once, and again when requirements.txt changes."""
    stamp = ROOT / VENV / "requirements.sha256"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    say(f"installing the peers into {VENV} (some GB, once)")
    subprocess.run(["python3", "-m", "venv", str(VENV)], cwd=ROOT, check=True)
    install = [peer_program("python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    torch = [line for line in pinned() if line.startswith(("torch==", "numpy=="))]
    subprocess.run([*install, *torch], cwd=ROOT, check=True)
    subprocess.run([*install, "-r", str(REQUIREMENTS)], cwd=ROOT, check=True)
    stamp.write_text(wanted)


def describe_machine():
    fields = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    flags = fields.get("flags", fields.get("Features", "")).split()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": fields.get("model name", platform.processor() or platform.machine()),
        "cores": len(os.sched_getaffinity(0)),
        "instruction_sets": [name for name in INSTRUCTION_SETS if name in flags],
        "memory_gib": round(memory, 1),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.platform()),
    }


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout.strip()


def program_version():
    """The commit; "-dirty" where anything but the documentation, which measuring itself writes, differs from it."""
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs")
    return git("describe", "--always") + ("-dirty" if changed else "")
