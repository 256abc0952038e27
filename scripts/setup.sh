#!/usr/bin/env bash
# Installs what the build and the tests need, and nothing that is there already:
#   1. Debian packages (apt-get, as root or through sudo);
#   2. libtorch: the PyTorch wheel, in a virtual environment inside this folder (.deps/venv);
#   3. there too: OpenVINO for --engine openvino, and what the tests of exported models load them with;
#   4. the viewer of the page that nnunet serve shows (scripts/setup_page.sh);
#   5. blosc2, which reads the cases that nnU-Net v2 preprocessed (scripts/setup_blosc2.sh).
# TORCH_PYTHON=python3 uses the torch of that interpreter instead of installing anything (2, 3).
# TORCH_VERSION=2.13.0 chooses the wheel. A second run does nothing and needs no network.
# --without-torch: only what -DNNUNET_TORCH=OFF needs (a part of 1, and 4).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/packages.bash

TORCH_VERSION="${TORCH_VERSION:-2.13.0}"
VENV=.deps/venv
WHEELS=("openvino==2026.4.1" "onnxruntime==1.32.0" "tritonclient[grpc,http]==2.73.0")

PACKAGES=(
  cmake ninja-build g++ git make ccache ca-certificates pkg-config
  nlohmann-json3-dev libcli11-dev libspdlog-dev libfmt-dev
  libgtest-dev libbenchmark-dev
  libnifti2-dev libdeflate-dev zlib1g-dev libpng-dev
  libcairo2-dev fonts-dejavu-core
  libcurl4-openssl-dev libarchive-dev liblzma-dev libbz2-dev libzstd-dev
  protobuf-compiler libprotobuf-dev
  libboost-dev libssl-dev
  file dpkg-dev
)
DICOM=(libgdcm-dev libopenjp2-7-dev libdcmtk-dev)  # which the smallest build goes without
WITH_TORCH=(python3 python3-venv libgloo-dev protobuf-compiler-grpc libgrpc++-dev)
WITHOUT_TORCH=(python3 python3-numpy)  # for the test of the Python package, where there is no virtual environment
without_torch=
[ "${1:-}" != --without-torch ] || without_torch=1

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

need_package "${PACKAGES[@]}"
if [ -n "$without_torch" ]; then need_package "${WITHOUT_TORCH[@]}"; else need_package "${WITH_TORCH[@]}" "${DICOM[@]}"; fi
install_needed

# The folder of the package torch that this interpreter has; fails without one.
torch_dir() { "$1" -c 'import torch, os; assert os.path.isdir(torch.utils.cmake_prefix_path); print(os.path.dirname(torch.__file__))' 2>/dev/null; }

mkdir -p .deps
if [ -n "$without_torch" ]; then
  scripts/setup_page.sh
  say "ready (without torch)"
  exit 0
fi
if [ -n "${TORCH_PYTHON:-}" ]; then
  prefix=$(torch_dir "$TORCH_PYTHON") || die "TORCH_PYTHON=$TORCH_PYTHON has no usable torch. Install one there, or unset TORCH_PYTHON."
  python=$(command -v "$TORCH_PYTHON")
else
  python="$PWD/$VENV/bin/python"
  if ! prefix=$(torch_dir "$python"); then
    say "installing torch==$TORCH_VERSION into $VENV"
    rm -rf "$VENV"
    # Debian's own interpreter: the one that python3-venv belongs to.
    base=/usr/bin/python3
    [ -x "$base" ] || base=python3
    "$base" -m venv "$VENV"
    "$python" -m pip install --quiet --disable-pip-version-check "torch==$TORCH_VERSION" numpy
    prefix=$(torch_dir "$python") || die "torch was installed but cannot be imported; see the messages above."
  fi
fi

if [ -z "${TORCH_PYTHON:-}" ] && ! "$python" -c 'from importlib.util import find_spec; assert all(map(find_spec, ("openvino", "onnxruntime", "tritonclient", "grpc", "geventhttpclient")))' 2>/dev/null; then
  say "installing ${WHEELS[*]} into $VENV"
  "$python" -m pip install --quiet --disable-pip-version-check "${WHEELS[@]}" ||
    say "warning: not installed; --engine openvino and the tests that need them are left out"
fi

scripts/setup_page.sh
scripts/setup_blosc2.sh "$python"

# The build reads this one line: where torch is.
if [ "$(cat .deps/torch_dir 2>/dev/null)" != "$prefix" ]; then printf '%s\n' "$prefix" > .deps/torch_dir; fi
if [ "$(cat .deps/python 2>/dev/null)" != "$python" ]; then printf '%s\n' "$python" > .deps/python; fi
say "ready ($prefix)"
