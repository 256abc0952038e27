#!/usr/bin/env bash
# Datasets of other kinds through nnU-Net v2's commands, from raw images to label maps of the training images: pictures in
# three colours, regions with an ignore label, 42 classes. Two runs of everything have the same label maps.
#   PEER=folder        where python with nibabel and scikit-image is (default: .deps/bench-venv/bin)
#   SETS="21 25 27"    only these
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
bin=$(realpath "${NNUNET:-$here/../../build/bin/nnunet}")
commands=$(dirname "$bin")/v2
python=$(realpath -s "${PEER:-$here/../../.deps/bench-venv/bin}")/python
shared=$here/../../../shared
"$python" -c "import nibabel, skimage" 2>/dev/null || { echo "SKIPPED: no nibabel and scikit-image for $python (bench/compare sets it up)"; exit 0; }
[ -f "$shared/reference-v2/make_raw.py" ] || { echo "SKIPPED: $shared/reference-v2 is not there"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export nnUNet_raw=$work/raw nnUNet_def_n_proc=2 nnUNet_n_proc_DA=2
quiet() { "$@" > "$work/log" 2>&1 || { echo "failed: $*"; cat "$work/log"; exit 1; }; }
by_name() { local name=$1; shift; quiet "$commands/nnUNetv2_$name" "$@"; }
check() { "$python" "$here/nnunet_v2_special_sets.py" "$@"; }

recipe=$work/nnUNetTrainerShort.json plans=nnUNetPlansNarrow
echo '{"epochs": 2, "iterations": 4, "validation_iterations": 2}' > "$recipe"

# whole_way NUMBER NAME CONFIGURATION ROOT: label maps in ROOT/maps.
whole_way() {
  local number=$1 name=$2 configuration=$3 root=$4
  export nnUNet_preprocessed=$root/preprocessed nnUNet_results=$root/results
  by_name extract_fingerprint -d "$number" --verify_dataset_integrity -np 2
  by_name plan_and_preprocess -d "$number" -c "$configuration" -gpu_memory_target 2 -overwrite_plans_name nnUNetPlans -np 2
  check narrow "$nnUNet_preprocessed/$name" "$plans"
  by_name train "$number" "$configuration" all -tr "$recipe" -p "$plans" -device cpu
  by_name predict -d "$number" -i "$nnUNet_raw/$name/imagesTr" -o "$root/maps" -c "$configuration" -f all \
    -tr "$(basename "$recipe" .json)" -p "$plans" -device cpu
}

# special_set NUMBER NAME CONFIGURATION LABELS...: LABELS are what label maps may hold beside 0.
special_set() {
  local number=$1 name=$2 configuration=$3 run
  shift 3
  case " ${SETS:-21 25 27} " in *" $number "*) ;; *) return 0 ;; esac
  quiet "$python" "$shared/reference-v2/make_raw.py" "$nnUNet_raw" --data "$shared/data" --only "$number"
  for run in first second; do whole_way "$number" "$name" "$configuration" "$work/$run"; done
  check maps "$nnUNet_raw/$name" "$work/first/maps" "$@"
  check same "$work/first/maps" "$work/second/maps"
  rm -rf "$work/first" "$work/second"
  echo "ok: $name, twice the same label maps"
}

special_set 27 Dataset027_ShapesRGB 2d 1 2
special_set 25 Dataset025_TwoMRRegions 3d_fullres 1 2
special_set 21 Dataset021_BodyCT 3d_fullres $(seq 41)
