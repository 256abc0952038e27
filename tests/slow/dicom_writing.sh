#!/usr/bin/env bash
# DICOM objects that nnunet dicom-seg writes, held against others: dciodvfy (BINARY segmentations and structure sets
# without errors), the attribute tables of PS3.3 in highdicom and dicom-validator (all three kinds, nothing found),
# highdicom and dcmqi (exactly our labels), dcmrtstruct2nii and rt-utils (Dice of each label at least 0.98).
#   PEER=folder              as dicom_peers.bash says
#   STANDARD=folder          dicom-validator takes the published standard, too, kept there and fetched where it is missing
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
trap 'rm -rf "$work" "$work.tables"' EXIT
python=$peer/bin/python script=$here/dicom_writing.py

"$python" "$script" make "$work" "$data"
for series in "$work"/*/series; do
  case=${series%/series}
  for kind in binary labelmap rtstruct; do
    "$nnunet" dicom-seg --labels "$case/labels.nii.gz" --series "$case/series" --labels_json "$case/labels.json" \
      --dicom_seg "$kind" --output "$case/$kind.dcm" 2> "$work/log" || { cat "$work/log"; exit 1; }
  done
done

# Whatever else an object may have: references to frames, losses, codes of all kinds, values that take 16 bits and have gaps, nobody's name.
cat > "$work/coded/labels.json" << 'END'
{"1": {"name": "left hippocampus", "category": {"value": "91723000", "scheme": "SCT", "meaning": "Anatomical Structure"},
       "type": {"value": "5366008", "scheme": "SCT", "meaning": "Hippocampus"}, "modifier": {"value": "7771000", "scheme": "SCT", "meaning": "Left"}},
 "2": {"name": "Läsion", "category": {"value": "49755003", "scheme": "SCT", "meaning": "Morphologically Altered Structure"},
       "type": {"value": "52988006", "scheme": "SCT", "meaning": "Lesion"}, "region": {"value": "12738006", "scheme": "SCT", "meaning": "Brain"},
       "region_side": {"value": "7771000", "scheme": "SCT", "meaning": "Left"}},
 "300": "tumour"}
END
for kind in binary labelmap rtstruct; do
  "$nnunet" dicom-seg --labels "$work/hippocampus/labels.nii.gz" --series "$work/coded/source" --labels_json "$work/coded/labels.json" \
    --dicom_seg "$kind" --anonymous --output "$work/coded/$kind.dcm" 2> "$work/log" || { cat "$work/log"; exit 1; }
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

"$python" "$here/dicom_validated.py" "$work" "$work.tables"
echo "ok: dicom-validator finds nothing, and what is damaged in copies"
if [ -n "${STANDARD:-}" ]; then
  "$peer/bin/validate_iods" -src "$STANDARD" "$work"/*/*.dcm > "$work/log" 2>&1 && ! grep -E "^Errors|Unknown" "$work/log" ||
    { cat "$work/log"; exit 1; }
  echo "ok: dicom-validator finds nothing by the published standard"
fi
