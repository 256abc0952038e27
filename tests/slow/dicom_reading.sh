#!/usr/bin/env bash
# DICOM series as pydicom, highdicom and dcm2niix read them, and as nnunet does: voxel for voxel, place for place.
#   PEER=folder    as dicom_peers.bash says
#   NNUNETV2=folder where python with nnunetv2 2.8 is, which makes tiny models (default: .deps/bench-venv/bin)
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
root=$(realpath "$here/../..")
nnunet=$(realpath "${NNUNET:-$root/build/bin/nnunet}")
nnunetv2=${NNUNETV2:-$root/.deps/bench-venv/bin}
. "$here/dicom_peers.bash"
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
