#!/usr/bin/env bash
# nnunet predict as a module of 3D Slicer, started as ctk-cli (PyPI) understands its description, and on a BIDS dataset,
# whose derivative bids-validator-deno (PyPI) checks.
#   PEER=folder     a virtual environment that has both (default: one is made)
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
bin=$(realpath "${NNUNET:-$here/../../build/bin/nnunet}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
quiet() { "$@" > "$work/log" 2>&1 || { cat "$work/log"; echo "failed: $*"; exit 1; }; }
peer=${PEER:-$work/venv}
if [ -z "${PEER:-}" ]; then
  quiet python3 -m venv "$peer"
  quiet "$peer/bin/pip" install ctk-cli==1.5 bids-validator-deno==3.0.2
fi

# A phantom, and a network that was never trained: names and layouts are looked at, not accuracy.
quiet "$bin" phantom --output "$work/data" --cases 5 --test_cases 4 --seed 3
quiet "$bin" preprocess --data "$work/data" --results "$work/prepared" --task 99 --dim 3 --patch_size 16 32 16
quiet "$bin" train --data "$work/prepared" --results "$work/results" --task 99 --gpus 0 --filters 8 16 --depth 1 --max_epochs 0
network=$work/results/checkpoints/last.ckpt
mapfile -t images < <(find "$work/data/Task99_Phantom/imagesTs" -name '*.nii.gz' | sort)

quiet "$bin" predict --gpus 0 --ckpt_path "$network" --input "${images[0]}" --output "$work/direct.nii.gz"
"$peer/bin/python" "$here/slicer_module.py" "$(dirname "$bin")/slicer/nnUNetPredict" "$network" "${images[0]}" "$work/module.nii.gz"
cmp "$work/direct.nii.gz" "$work/module.nii.gz"
echo "ok: ctk-cli reads the module, and its label map is that of the command line"

raw=$work/raw
mkdir -p "$raw"/sub-01/anat "$raw"/sub-02/ses-{a,b}/anat
cat > "$raw/dataset_description.json" << 'END'
{"Name": "Phantom", "BIDSVersion": "1.10.0", "DatasetType": "raw", "License": "CC0", "Authors": ["nobody"]}
END
echo "A phantom" > "$raw/README"
cp "${images[0]}" "$raw/sub-01/anat/sub-01_run-1_T1w.nii.gz"
cp "${images[1]}" "$raw/sub-01/anat/sub-01_run-2_T1w.nii.gz"
cp "${images[2]}" "$raw/sub-02/ses-a/anat/sub-02_ses-a_T1w.nii.gz"
cp "${images[3]}" "$raw/sub-02/ses-b/anat/sub-02_ses-b_acq-mprage_T1w.nii.gz"
derivative=$raw/derivatives/nnunet
bids=(predict --gpus 0 --ckpt_path "$network" --bids T1w --input "$raw" --output "$derivative")
quiet "$bin" "${bids[@]}"
[ "$(find "$derivative" -name '*_dseg.nii.gz' | wc -l)" -eq 4 ]
[ "$(find "$derivative" -name '*_dseg.json' -not -path '*/.nnunet/*' | wc -l)" -eq 4 ]

# Prints the validator's errors, one a line; warnings ask for what nobody here can know (authors, licence).
errors() {
  "$peer/bin/bids-validator-deno" --format json "$@" > "$work/report.json" 2> "$work/log" || true
  "$peer/bin/python" - "$work/report.json" << 'END'
import json, sys
report = json.load(open(sys.argv[1]))
for issue in report["issues"]["issues"]:
    if issue["severity"] == "error":
        print(issue["code"], issue.get("subCode", ""), issue.get("location", ""), issue.get("issueMessage", ""))
print(len(report["issues"]["issues"]), "issues,", report["summary"]["totalFiles"], "files", file=sys.stderr)
assert report["summary"]["totalFiles"] > 5
END
}
for dataset in "$raw" "$derivative"; do
  found=$(errors "$dataset")
  [ -z "$found" ] || { printf '%s\n' "$found"; exit 1; }
done
# The validator does see what is wrong.
cp "$derivative/sub-01/anat/sub-01_run-1_dseg.nii.gz" "$derivative/sub-01/anat/sub-01_run-1_labels.nii.gz"
[ -n "$(errors "$derivative")" ]
rm "$derivative/sub-01/anat/sub-01_run-1_labels.nii.gz"

"$bin" "${bids[@]}" 2>&1 | grep -q "0 images segmented, 4 kept"
before=$(sha256sum "$raw"/sub-*/anat/* "$raw"/sub-*/ses-*/anat/* | sha256sum)
printf 'no image' > "$raw/sub-01/anat/sub-01_run-3_T1w.nii.gz"
if "$bin" "${bids[@]}" > "$work/log" 2>&1; then echo "a bad image went unnoticed"; exit 1; fi
grep -q "1 of 5 cases failed" "$work/log"
rm "$raw/sub-01/anat/sub-01_run-3_T1w.nii.gz"
[ "$before" = "$(sha256sum "$raw"/sub-*/anat/* "$raw"/sub-*/ses-*/anat/* | sha256sum)" ]
echo "ok: the derivative has no errors for the BIDS validator"
