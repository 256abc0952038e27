#!/usr/bin/env bash
# Images of all formats through tiny untrained models of nnU-Net v2: its label maps, probabilities, properties and files
# beside them, and ours.
#   PEER=folder              where python with nnunetv2 2.8 is (default: .deps/bench-venv/bin)
#   KINDS="png nrrd"         only these
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
export PYTHONPATH=$here/../../bench/peers/startup
bin=$(realpath "${NNUNET:-$here/../../build/bin/nnunet}")
peer=${PEER:-$here/../../.deps/bench-venv/bin}
[ -x "$peer/nnUNetv2_predict_from_modelfolder" ] || { echo "SKIPPED: no nnunetv2 in $peer (bench/compare sets it up)"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export nnUNet_raw=$work nnUNet_preprocessed=$work nnUNet_results=$work
kinds=${KINDS:-png grey bmp tif nrrd mha nibabel nibabel_reorient sitk_reorient}
# One process: it takes long to begin.
"$peer/python" "$here/nnunet_v2_formats.py" make_and_predict "$work" $kinds > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
for kind in $kinds; do
  "$bin" v2 predict -i "$work/$kind/in" -o "$work/$kind/ours" -d "$(basename "$work"/Dataset*_"$kind")" -c "$(cat "$work/$kind/configuration")" \
    -f 0 -npp 0 -nps 0 -device cpu --save_probabilities > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
done
"$peer/python" "$here/nnunet_v2_formats.py" compare "$work" $kinds
echo "ok: label maps of every format are the same"
