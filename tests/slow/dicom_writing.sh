#!/usr/bin/env bash
# DICOM objects that nnunet dicom-seg writes, held against others: dciodvfy (BINARY segmentations and structure sets
# without errors), the attribute tables of PS3.3 in highdicom (all three kinds), dicom-validator where it gets the
# standard (LABELMAP, which dciodvfy does not know), highdicom and dcmqi (exactly our labels),
# dcmrtstruct2nii and rt-utils (Dice of each label at least 0.98).
#   PEER=folder              as dicom_peers.bash says
#   STANDARD=folder          where dicom-validator keeps the standard, which it fetches when absent
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
root=$here/../..
nnunet=$(realpath "${NNUNET:-$root/build/bin/nnunet}")
data=$(realpath "${DATA:-$root/../shared/data}")
[ -d "$data" ] || { echo "SKIPPED: no images in $data"; exit 0; }
. "$root/scripts/packages.bash"
need_package dicom3tools
install_needed
. "$here/dicom_peers.bash"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=$peer/bin/python script=$here/dicom_writing.py

"$python" "$script" make "$work" "$data"
for case in "$work"/*/; do
  for kind in binary labelmap rtstruct; do
    "$nnunet" dicom-seg --labels "$case/labels.nii.gz" --series "$case/series" --labels_json "$case/labels.json" \
      --dicom_seg "$kind" --output "$case/$kind.dcm" 2> "$work/log" || { cat "$work/log"; exit 1; }
  done
done

checked() { dciodvfy "$1" > "$work/log" 2>&1 || true; ! grep -i error "$work/log" || { echo "dciodvfy: $1" >&2; exit 1; }; }
for case in "$work"/*/; do checked "$case/binary.dcm"; checked "$case/rtstruct.dcm"; done
echo "ok: dciodvfy has no error in BINARY segmentations and structure sets"

"$python" "$script" standard "$work"
echo "ok: all attributes that the standard's tables (highdicom's copy) demand are there, none that belongs to no module"

"$python" "$script" compare "$work"
echo "ok: other programs read the same labels"

# A real series that is segmented straight into objects: the labels of its NIfTI label map.
model=$root/../shared/reference-v2/run/models/Dataset021_BodyCT/nnUNetTrainerNoMirroring__nnUNetPlansNarrow__3d_fullres
if [ -d "$model" ]; then
  mkdir "$work/of_series"
  for kind in nifti binary labelmap; do
    options=()
    [ "$kind" = nifti ] || options=(--dicom_seg "$kind")
    "$nnunet" predict --model "$model" --folds all --gpus 0 --input "$data/dicom_ct" --output "$work/of_series/$kind" "${options[@]}" \
      > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
    [ "$kind" = nifti ] || mv "$work/of_series/$kind"/*.dcm "$work/of_series/$kind.dcm"
  done
  mv "$work/of_series"/nifti/*.nii.gz "$work/of_series/labels.nii.gz"
  "$python" "$script" predicted "$work/of_series"
  echo "ok: predict --dicom_seg writes the labels of its NIfTI label map"
else
  echo "SKIPPED: no model in $model"
fi

standard=${STANDARD:-$root/.deps/dicom-standard}
if timeout 600 "$peer/bin/validate_iods" -src "$standard" "$work/hippocampus/labelmap.dcm" > "$work/log" 2>&1 &&
  ! grep -qiE "unknown SOPClassUID" "$work/log"; then
  echo "ok: dicom-validator"
elif [ -d "$standard" ] && ls "$standard"/*/docbook/part03.xml > /dev/null 2>&1; then
  cat "$work/log" && exit 1
else
  echo "NOT TESTED: dicom-validator, as the standard could not be fetched"
fi
