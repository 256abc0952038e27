#!/usr/bin/env bash
# DICOM series as pydicom, highdicom and dcm2niix read them, and as nnunet does: voxel for voxel, place for place.
#   PEER=folder    a virtual environment with pydicom and the others (default: .deps/dicom-venv, made where it is missing)
#   NNUNETV2=folder where python with nnunetv2 2.8 is, which makes tiny models (default: .deps/bench-venv/bin)
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
root=$(realpath "$here/../..")
nnunet=$(realpath "${NNUNET:-$root/build/bin/nnunet}")
peer=${PEER:-$root/.deps/dicom-venv}
nnunetv2=${NNUNETV2:-$root/.deps/bench-venv/bin}
packages=("pydicom==3.0.1" "highdicom==0.26.1" "nibabel==5.3.2" "SimpleITK==2.5.2" "pylibjpeg==2.0.1" "pylibjpeg-libjpeg==2.3.0"
          "pylibjpeg-openjpeg==2.5.0" "pylibjpeg-rle==2.1.0")
if [ ! -x "$peer/bin/python" ]; then
  python3 -m venv "$peer" && "$peer/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}" ||
    { rm -rf "$peer"; echo "SKIPPED: ${packages[*]} cannot be installed"; exit 0; }
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=("$peer/bin/python" "$here/dicom_reading.py")
"${python[@]}" wheels "$nnunet" "$work/wheels"
shared=$root/../shared/data
[ -d "$shared" ] || { echo "SKIPPED: $shared is not there: no real CT, no round trip"; exit 0; }
"${python[@]}" ct "$nnunet" "$work/ct" "$shared/dicom_ct"
if [ ! -x "$nnunetv2/nnUNetv2_predict" ]; then echo "SKIPPED: no nnunetv2 in $nnunetv2: no round trip"; exit 0; fi
for kind in nibabel nibabel_reorient sitk_reorient; do
  PYTHONPATH=$root/bench/peers/startup "$nnunetv2/python" -c "
import pathlib, sys
sys.path.insert(0, '$here')
import nnunet_v2_formats as formats
formats.make_model(pathlib.Path('$work/model_$kind'), '$kind')" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  "${python[@]}" round_trip "$nnunet" "$work/trip_$kind" "$shared/Task04_Hippocampus/imagesTr" "$work/model_$kind"
done
"$nnunet" predict --model "$work/model_nibabel" --input "$shared/dicom_ct" --output "$work/ct_labels" --gpus 0 > "$work/log" 2>&1 ||
  { cat "$work/log"; exit 1; }
"${python[@]}" on_grid "$work/ct_labels" "$work/ct/images"
echo "ok: DICOM is read as its peers read it"
