#!/usr/bin/env bash
# A training is killed (SIGKILL) at random moments and resumed each time: nnunet train on one process and on two, and
# nnUNetv2_train. The losses at the end equal an undisturbed training's, digit for digit; of nnUNetv2_train the weights,
# too, and the label maps of its validation. Nothing that cannot be read is left behind. The first kill comes after a
# save, so that at least one run resumes.
#   killed_training.sh [KILLS (20) [EPOCHS (40)]]     SEED=n: the same moments again
set -euo pipefail
kills=${1:-20}
epochs=${2:-40}
nnunet=$(realpath "${NNUNET:-$(dirname "${BASH_SOURCE[0]}")/../../build/bin/nnunet}")
RANDOM=${SEED:=$RANDOM}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo "seed $SEED, $kills kills, $epochs epochs"

"$nnunet" phantom --output data --cases 12 > log 2>&1
"$nnunet" preprocess --data data --results prepared --task 99 --dim 3 --patch_size 16 32 16 > log 2>&1

# Each kind of training has NAME_into FOLDER OPTIONS.., which sets `command`, NAME_digits FOLDER, which prints what has to
# come out the same, NAME_epochs FOLDER, which counts those in the log, and its checkpoints.
own_checkpoints=checkpoints/*.ckpt
own_into() {
  command=("$nnunet" train --data prepared --task 99 --gpus 0 --filters 8 16 --depth 1 --train_batches 4 --test_batches 2
           --max_epochs "$epochs" --save_every_n_steps 3 --resume_training --results "$@")
}
own_digits() { grep -o '"mean dice.*"train_loss": [^,]*' "$1/logs.json"; }
own_epochs() { own_digits "$1" | wc -l; }

drop_in_fold=Dataset099_Phantom/Short__nnUNetPlans__3d_fullres/fold_0
drop_in_checkpoints=$drop_in_fold/checkpoint_*.pth
drop_in_into() {
  command=(env nnUNet_results="$work/$1" "$nnunet" v2 train 99 3d_fullres 0 -tr Short.json -device cpu --c "${@:2}")
}
# Epochs that were done again stand in the log of each try: the last one counts.
drop_in_losses() {
  cat "$1/$drop_in_fold"/training_log_*.txt | awk '$3 == "Epoch" && $4 ~ /^[0-9]+$/ { epoch = $4 } $3 ~ /_loss$/ { last[epoch " " $3] = $4 }
    END { for (key in last) print key, last[key] }' | sort -n
}
drop_in_digits() {
  local fold=$1/$drop_in_fold
  drop_in_losses "$1"
  "$nnunet" export --ckpt_path "$fold/checkpoint_final.pth" --format onnx --output exported > exported.log 2>&1 || cat exported.log
  sha256sum < exported/model.onnx
  rm -rf exported
  (cd "$fold/validation" && sha256sum ./*.nii.gz)
}
drop_in_epochs() { drop_in_losses "$1" | grep -c train_loss; }
prepare_drop_in() {
  export nnUNet_preprocessed=$work/v2 nnUNet_raw=
  "$nnunet" v2 plan_and_preprocess -d data/Task99_Phantom -c 3d_fullres > log 2>&1 || { cat log; exit 1; }
  # Few filters, so that it is killed in every part of an epoch.
  sed -i -E '/"features_per_stage"/,/\]/s/[0-9]+/8/' v2/Dataset099_Phantom/nnUNetPlans.json
  echo "{\"epochs\": $epochs, \"iterations\": 4, \"validation_iterations\": 2}" > Short.json
}

has_saved() { compgen -G "$1" > /dev/null; }

# Of check's training.
compare_digits() {
  "${kind}_digits" killed > killed.digits
  diff undisturbed.digits killed.digits || { echo "$name: other digits"; exit 1; }
}

# check NAME KIND OPTIONS..
check() {
  local name=$1 kind=$2 done=0 finished=0 saved=0 resumed=0 start most pid code command
  shift 2
  local checkpoints=${kind}_checkpoints into=${kind}_into
  checkpoints=killed/${!checkpoints}
  rm -rf undisturbed killed
  start=$(date +%s%3N)
  "$into" undisturbed "$@"
  "${command[@]}" > log 2>&1 || { cat log; exit 1; }
  most=$((($(date +%s%3N) - start) / 4))
  "${kind}_digits" undisturbed > undisturbed.digits
  "$into" killed "$@"
  while [ "$done" -lt "$kills" ]; do
    "${command[@]}" > log 2>&1 &
    pid=$!
    until [ "$done" -gt 0 ] || has_saved "$checkpoints" || ! kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
    [ "$done" -eq 0 ] || sleep "$(awk -v ms=$((RANDOM * 32768 + RANDOM)) -v most="$most" 'BEGIN { printf "%.3f", ms % most / 1000 }')"
    kill -9 "$pid" 2>/dev/null || true
    code=0
    { wait "$pid" || code=$?; } 2>/dev/null
    case $code in
      137)
        done=$((done + 1))
        ! has_saved "$checkpoints" || saved=$((saved + 1)) ;;
      0)  # done already: compared, and once more from the start
        compare_digits
        rm -rf killed
        finished=$((finished + 1)) ;;
      *) cat log; echo "$name: failed ($code)"; exit 1 ;;
    esac
    ! grep -q '^resuming' log || resumed=$((resumed + 1))
    # The ranks of a killed parent are killed with it; the next training waits for none of them.
  done
  "${command[@]}" > log 2>&1 || { cat log; exit 1; }
  ! grep -q '^resuming' log || resumed=$((resumed + 1))
  [ "$saved" -gt 0 ] && [ "$resumed" -gt 0 ] || { echo "$name: $saved kills after a save, $resumed resumed: nothing was tried"; exit 1; }
  compare_digits
  [ "$("${kind}_epochs" killed)" -eq "$epochs" ] || { echo "$name: epochs are missing from the log"; exit 1; }
  local stray
  stray=$(find killed -name '*.tmp*')
  [ -z "$stray" ] || { echo "$name: left behind: $stray"; exit 1; }
  for checkpoint in $checkpoints; do
    "$nnunet" info "$checkpoint" > log 2>&1 || { cat log; echo "$name: $checkpoint cannot be read"; exit 1; }
  done
  echo "ok: $name, killed $done times ($saved after a save, $resumed resumed), $finished times finished between"
}

check "one process" own
check "two processes" own --batch_size 1 --procs 2
prepare_drop_in
check nnUNetv2_train drop_in
