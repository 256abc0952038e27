#!/usr/bin/env bash
# DICOM series as pydicom, highdicom and dcm2niix read them, and as nnunet does: voxel for voxel, place for place.
#   PEER=folder    as dicom_peers.bash says
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
root=$(realpath "$here/../..")
nnunet=$(realpath "${NNUNET:-$root/build/bin/nnunet}")
. "$here/dicom_peers.bash"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=("$peer/bin/python" "$here/dicom_reading.py")
"${python[@]}" volumes "$nnunet" "$work/volumes"
"${python[@]}" wheels "$nnunet" "$work/wheels"
shared=$root/../shared/data
[ -d "$shared" ] || { echo "SKIPPED: $shared is not there: no real CT, no round trip"; exit 0; }
"${python[@]}" ct "$nnunet" "$work/ct" "$shared/dicom_ct"
models=$root/../shared/reference-v2/run/models
[ -d "$models" ] || { echo "SKIPPED: $models is not there: no round trip"; exit 0; }
for model in "$models"/Dataset004_Hippocampus/nnUNetTrainer_5epochs__nnUNetPlansNarrow__{2d,3d_fullres}; do
  "${python[@]}" round_trip "$nnunet" "$work/trip_$(basename "$model")" "$shared/Task04_Hippocampus/imagesTr" "$model"
done
"$nnunet" predict --model "$models/Dataset021_BodyCT/nnUNetTrainerNoMirroring__nnUNetPlansNarrow__3d_fullres" --folds all --gpus 0 \
  --input "$shared/dicom_ct" --output "$work/ct_labels" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
"${python[@]}" on_grid "$work/ct_labels" "$work/ct/images"
echo "ok: DICOM is read as its peers read it"
