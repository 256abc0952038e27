#!/usr/bin/env bash
# From raw images to the postprocessed ensemble with nnU-Net v2's commands: once with its own, once with ours, and twice
# with both by turns, so that every file that one writes is read by the other's next command. Only preprocessed cases are
# made by each for itself.
#   PEER=folder        where nnUNetv2_train and the others of nnunetv2 2.8 are (default: .deps/bench-venv/bin)
#   CHAINS="oooooooo tttttttt otototot totototo"   who runs each step: o ours, t theirs
#   CASES=20 TRAINER=nnUNetTrainer_1epoch
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
export PYTHONPATH=$here/../../bench/peers/startup
bin=$(realpath "${NNUNET:-$here/../../build/bin/nnunet}")
peer=${PEER:-$here/../../.deps/bench-venv/bin}
shared=${SHARED:-$here/../../../shared}
narrow=$shared/reference-v2/run/models/Dataset004_Hippocampus/nnUNetTrainer_1epoch__nnUNetPlansNarrow__3d_lowres/plans.json
[ -x "$peer/nnUNetv2_train" ] || { echo "SKIPPED: no nnunetv2 in $peer (bench/compare sets it up)"; exit 0; }
[ -f "$narrow" ] || { echo "SKIPPED: no $narrow"; exit 0; }
peer=$(realpath "$peer") narrow=$(realpath "$narrow") task=$(realpath "$shared/data/Task04_Hippocampus")
cases=${CASES:-20} trainer=${TRAINER:-nnUNetTrainer_1epoch} plans=nnUNetPlansNarrow
dataset=Dataset004_Hippocampus
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export nnUNet_def_n_proc=2 nnUNet_n_proc_DA=2 nnUNet_compile=f

quiet() { "$@" > "$work/log" 2>&1 || { echo "failed: $*"; tail -30 "$work/log"; exit 1; }; }
by() {  # o|t COMMAND ARGUMENTS...
  local who=$1 name=$2
  shift 2
  echo "  $( [ "$who" = o ] && echo ours || echo theirs ): $name $*"
  if [ "$who" = o ]; then quiet "$bin" v2 "$name" "$@"; else quiet "$peer/nnUNetv2_$name" "$@"; fi
}
on_cpu() { by "$@" -device cpu; }

make_raw() {
  local raw=$1/$dataset
  mkdir -p "$raw/imagesTr" "$raw/labelsTr" "$raw/imagesTs"
  local n=0
  for label in "$task"/labelsTr/[!._]*.nii.gz; do
    local name; name=$(basename "$label" .nii.gz)
    n=$((n + 1))
    if [ "$n" -gt $((cases + 2)) ]; then break; fi
    if [ "$n" -gt "$cases" ]; then
      ln -s "$task/imagesTr/$name.nii.gz" "$raw/imagesTs/${name}_0000.nii.gz"
    else
      ln -s "$task/imagesTr/$name.nii.gz" "$raw/imagesTr/${name}_0000.nii.gz"
      ln -s "$label" "$raw/labelsTr/$name.nii.gz"
    fi
  done
  printf '{"channel_names": {"0": "MRI"}, "labels": {"background": 0, "Anterior": 1, "Posterior": 2}, "numTraining": %s, "file_ending": ".nii.gz"}\n' "$cases" > "$raw/dataset.json"
}

# The commands that inference_instructions.txt gives for one test image each, by the program of the step.
predict_and_merge() {
  local who=$1 postprocess=$2 folder=$3 model
  local raw=$nnUNet_raw/$dataset inputs=()
  for model in 2d 3d_fullres; do
    on_cpu "$who" predict -d 4 -i "$raw/imagesTs" -o "$folder/$model" -f 0 1 -tr "$trainer" -c "$model" -p "$plans" --save_probabilities
    inputs+=("$folder/$model")
  done
  by "$postprocess" ensemble -i "${inputs[@]}" -o "$folder/ensemble" -np 2
  local best=$nnUNet_results/$dataset/inference_information.json file
  file=$("$peer/python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["best_model_or_ensemble"]["postprocessing_file"])' "$best")
  by "$who" apply_postprocessing -i "$folder/ensemble" -o "$folder/final" -pp_pkl_file "$file" -np 2 -plans_json "$folder/2d/plans.json" -dataset_json "$folder/2d/dataset.json"
  [ "$(find "$folder/final" -name '*.nii.gz' | wc -l)" = 2 ] || { echo "not 2 label maps in $folder/final"; exit 1; }
}

chain() {
  local steps=$1 root=$work/$1
  echo "chain $steps"
  mkdir -p "$root/raw" "$root/preprocessed" "$root/results"
  export nnUNet_raw=$root/raw nnUNet_preprocessed=$root/preprocessed nnUNet_results=$root/results
  make_raw "$nnUNet_raw"
  by "${steps:0:1}" extract_fingerprint -d 4 --verify_dataset_integrity -np 2
  by "${steps:1:1}" plan_experiment -d 4
  cp "$narrow" "$nnUNet_preprocessed/$dataset/$plans.json"
  local who model
  for who in t o; do  # theirs deletes the whole folder first
    case $steps in *$who*) by "$who" preprocess -d 4 -plans_name "$plans" -c 2d 3d_fullres -np 2 2 ;; esac
  done
  for model in 2d 3d_fullres; do  # each fold by the other
    on_cpu "${steps:2:1}" train 4 "$model" 0 -tr "$trainer" -p "$plans" --npz
    on_cpu "${steps:3:1}" train 4 "$model" 1 -tr "$trainer" -p "$plans" --npz
    on_cpu "${steps:3:1}" train 4 "$model" 0 -tr "$trainer" -p "$plans" --npz --val
  done
  by "${steps:4:1}" find_best_configuration 4 -c 2d 3d_fullres -tr "$trainer" -p "$plans" -f 0 1 -np 2
  predict_and_merge "${steps:5:1}" "${steps:6:1}" "$root/predicted"
  by "${steps:7:1}" export_model_to_zip -d 4 -o "$root/model.zip" -c 2d 3d_fullres -tr "$trainer" -p "$plans" -f 0 1
  rm -rf "$root"
}

for steps in ${CHAINS:-oooooooo tttttttt otototot totototo}; do chain "$steps"; done
echo "ok: the whole way, alone and by turns"
