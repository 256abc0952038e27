#!/usr/bin/env bash
# The main job from data to scored predictions, on the CPU in a few minutes. See the Makefile's `demo`.
# DATA and TASK: a folder with a Medical Segmentation Decathlon task; unset: a phantom dataset is made.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
nnunet=build/bin/nnunet
out=demo
step() { printf '\n=== %s\n' "$*"; }
run() { printf '$ nnunet %s\n' "$*"; "$nnunet" "$@"; }

if [ -z "${DATA:-}" ]; then
  DATA=$out/data TASK=99
  patch=(--patch_size 40 56 40)
  # A small network is enough for a phantom.
  network=(--filters 16 32 64 128)
  epochs=${DEMO_EPOCHS:-60}
  if [ ! -e "$DATA/Task99_Phantom/dataset.json" ]; then
    step "A phantom dataset (no data was given)"
    run phantom --output "$DATA"
  fi
else
  TASK=${TASK:?give TASK=NN beside DATA=}
  patch=()
  network=()
  epochs=${DEMO_EPOCHS:-4}
fi
folder=$(ls -d "$DATA/Task${TASK}_"* | head -n 1)
prepared=$out/prepared
results=$out/results_$TASK

step "Preprocess"
run preprocess --data "$DATA" --results "$prepared" --task "$TASK" --dim 3 "${patch[@]}" --quiet

step "Train ($epochs epochs)"
rm -rf "$results"
run train --data "$prepared" --results "$results" --task "$TASK" --dim 3 --fold 0 --amp --max_epochs "$epochs" "${network[@]}"

best=$results/checkpoints/best.ckpt
step "Evaluate the best epoch on the validation cases, with test-time augmentation"
run evaluate --data "$prepared" --results "$results" --task "$TASK" --dim 3 --fold 0 --amp --tta --ckpt_path "$best"

step "Predict images the network has never seen"
images=$out/unseen_$TASK
rm -rf "$images" "$out/predictions_$TASK"
mkdir -p "$images"
if [ -d "$folder/labelsTs" ]; then
  labels=$folder/labelsTs
  for image in "$folder"/imagesTs/*.nii.gz; do ln -s "$(realpath "$image")" "$images/"; done
else
  # No labelled test cases: validation cases of the fold, which the network was not trained on.
  labels=$folder/labelsTr
  run preprocess --data "$DATA" --results "$prepared" --task "$TASK" --dim 3 --exec_mode val "${patch[@]}" --quiet
  run predict --data "$prepared/${TASK}_3d/val" --results "$out/softmax_$TASK" --task "$TASK" --fold 0 --amp --ckpt_path "$best" --save_preds --overwrite
  for softmax in $(ls "$out/softmax_$TASK"/*/*.npy | head -n 6); do
    ln -s "$(realpath "$folder/imagesTr/$(basename "$softmax" .npy).nii.gz")" "$images/"
  done
fi
run predict --ckpt_path "$best" --input "$images" --output "$out/predictions_$TASK" --amp --tta --overlays

step "Score them"
run score --preds "$out/predictions_$TASK" --lbls "$labels"

step "Look at"
printf '%s\n' "$results/progress.png   (the training)"
ls "$out/predictions_$TASK"/*.png
