#!/usr/bin/env bash
# The Python wheel in empty environments: the package's checks, the examples of docs/python.md, types, the commands that it
# brings; its size, the time of the import and of the first label map, memory beside the program's, cascades.
#   WHEEL=file               this wheel, instead of building one
#   PYTHONS="python3.11 ..." interpreters (default: python3, and those of pyenv from 3.10 on); the first one measures
#   PEER=folder              where python with nnunetv2 2.8 is (default: .deps/bench-venv/bin): whose signatures are compared
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
root=$(realpath "$here/../..")
models=$root/../shared/reference-v2/run/models/Dataset004_Hippocampus
cases=$root/../shared/data/Task04_Hippocampus
[ -d "$models" ] && [ -d "$cases" ] || { echo "SKIPPED: no shared/reference-v2 and shared/data beside the checkout"; exit 0; }
if [ -z "${WHEEL:-}" ]; then
  "$root/scripts/wheel.sh"
  WHEEL=$(echo "$root"/dist/nnunet_native-*.whl)
fi
bytes=$(stat -c %s "$WHEEL")
printf 'wheel: %s, %.1f MB\n' "$(basename "$WHEEL")" "$(python3 -c "print($bytes / 1e6)")"
[ "$bytes" -le 25000000 ] || { echo "error: the wheel is larger than 25 MB"; exit 1; }

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; wait; rm -rf "$work"' EXIT
mkdir -p "$work/set/images" "$work/set/named" "$work/set/labels"
model=$models/nnUNetTrainer_5epochs__nnUNetPlansNarrow__2d  # the quickest one
volumes=$models/nnUNetTrainer_5epochs__nnUNetPlansNarrow__3d_fullres
ln -s "$model" "$work/set/model"
for case in 001 003 004; do
  ln -s "$cases/imagesTr/hippocampus_$case.nii.gz" "$work/set/named/hippocampus_${case}_0000.nii.gz"
done
for case in 003 004; do
  ln -s "$cases/imagesTr/hippocampus_$case.nii.gz" "$work/set/images/case_${case}_0000.nii.gz"
  ln -s "$cases/labelsTr/hippocampus_$case.nii.gz" "$work/set/labels/case_$case.nii.gz"
done
ln -s "$cases/imagesTr/hippocampus_001.nii.gz" "$work/set/images/case_0000.nii.gz"
ln -s "$cases/labelsTr/hippocampus_001.nii.gz" "$work/set/labels/case.nii.gz"

pythons=(${PYTHONS:-python3 $(ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[0-9]*/bin/python 2>/dev/null || true)})
measured=
for python in "${pythons[@]}"; do
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  venv=$work/venv-$version
  [ ! -d "$venv" ] || continue
  "$python" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "$WHEEL"
  bin=$venv/bin
  [ -d "$work/program" ] || "$bin/nnunet" predict --model "$model" --input "$work/set/named" --output "$work/program/"
  MODEL=$model IMAGES=$work/set/named LABELS=$work/program CHECKPOINT=$model/fold_0/checkpoint_final.pth \
    "$bin/python" "$root/tests/python/check_package.py" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  echo "ok: Python $version, $(grep -o 'Ran [0-9]* tests' "$work/log")"
  measured=${measured:-$bin}
done
bin=$measured

# The commands that it brings.
[ "$("$bin/nnunet" --version)" = "$("$bin/python" -c 'import nnunet_native; print(nnunet_native.run("--version").strip())')" ] ||
  { echo "error: nnunet --version and the package's program differ"; exit 1; }
"$bin/nnunet-native" v2-links "$work/v2" > /dev/null
"$work/v2/nnUNetv2_predict_from_modelfolder" -i "$work/set/named" -o "$work/by_name" -m "$model" -f 0 1 -device cpu > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
cmp "$work/by_name/hippocampus_001.nii.gz" "$work/program/hippocampus_001.nii.gz"
echo "ok: nnunet and nnU-Net v2's names"

# A hippocampus case as a DICOM series, where the wheel can read them.
PYTHONPATH=$root/tests/python "$bin/python" "$here/python_wheel.py" study "$model" "$cases/imagesTr/hippocampus_001.nii.gz" "$work/study"
if "$bin/nnunet" dicom "$work/study" > "$work/log" 2>&1; then
  ln -s "$work/study" "$work/set/study"
else
  echo "SKIPPED: the wheel reads no DICOM, the examples of it are left out: $(tail -n 1 "$work/log")"
fi

port=$("$bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$bin/nnunet" serve --model "heart=$model" --port "$port" > "$work/server.log" 2>&1 &
server=$!
for _ in $(seq 100); do curl -sf "http://127.0.0.1:$port/v2/health/ready" > /dev/null && break; sleep 0.2; done
page=$(curl -sf "http://127.0.0.1:$port/") && grep -qi '<html' <<< "$page" || { echo "error: no page"; cat "$work/server.log"; exit 1; }
(cd "$work/set" && "$bin/python" "$root/tests/python/run_examples.py" "$root/docs/python.md" "http://127.0.0.1:$port") > "$work/log" 2>&1 ||
  { cat "$work/log"; exit 1; }
tail -n 1 "$work/log"
kill "$server"; wait "$server" || true; server=

"$bin/pip" install --quiet --disable-pip-version-check mypy
"$bin/python" "$root/tests/python/run_examples.py" "$root/docs/python.md" --print > "$work/examples.py"
for checked in "-p nnunet_native" "$work/examples.py"; do
  "$bin/mypy" --strict --python-version 3.11 $checked > "$work/log" || { cat "$work/log"; exit 1; }
done
echo "ok: types of the package and of the examples ($(tail -n 1 "$work/log"))"

"$bin/python" "$here/python_wheel.py" cascade "$models" "$work/set/named" "$bin/nnunet"
"$bin/python" "$here/python_wheel.py" unmirrored "$(echo "$models"/../Dataset021_BodyCT/nnUNetTrainerNoMirroring__*)"
"$bin/python" "$here/python_wheel.py" times "$volumes" "$cases/imagesTr/hippocampus_001.nii.gz"
"$bin/python" "$here/python_wheel.py" memory "$volumes" "$bin/nnunet"
peer=${PEER:-$root/.deps/bench-venv/bin}
if [ -x "$peer/nnUNetv2_predict_from_modelfolder" ]; then
  installed=$("$bin/python" -c 'import nnunet_native; print(nnunet_native.__path__[0])')
  mkdir "$work/alone"  # without this environment's numpy
  ln -s "$installed" "$installed.libs" "$work/alone"
  PYTHONPATH=$work/alone "$peer/python" "$here/python_wheel.py" signatures
else
  echo "SKIPPED: no nnunetv2 in $peer, whose signatures would be compared"
fi
echo "ok: the wheel"
