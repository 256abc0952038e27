#!/usr/bin/env bash
# Trainings of nnU-Net v2 and ours on each other's checkpoints: ours is continued (--c), validated with (predicted), and
# taken as initial weights (-pretrained_weights) by nnunetv2 itself, and what it writes by ours. Ours also trains on cases
# that nnunetv2 preprocessed.
#   PEER=folder    where python with nnunetv2 2.8 is (default: .deps/bench-venv/bin)
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
export PYTHONPATH=$here/../../bench/peers/startup
bin=$(realpath "${NNUNET:-$here/../../build/bin/nnunet}")
python=${PEER:-$here/../../.deps/bench-venv/bin}/python
shared=$(realpath "$here/../../../shared")
"$python" -c "import nnunetv2" 2>/dev/null || { echo "SKIPPED: no nnunetv2 for $python (bench/compare sets it up)"; exit 0; }
[ -d "$shared/reference-v2/run/models" ] || { echo "SKIPPED: $shared/reference-v2 is not there"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export nnUNet_raw=$work/raw nnUNet_preprocessed=$work/preprocessed nnUNet_results=$work/results nnUNet_def_n_proc=2
quiet() { "$@" > log 2>&1 || { cat log; exit 1; }; }
check() { "$python" "$here/nnunet_v2_training.py" "$@"; }
ours() { quiet "$bin" v2 train 4 3d_fullres "$1" -p nnUNetPlansNarrow -device cpu "${@:2}"; }

# Ten cases of the hippocampus with the narrow plans of the reference trainings.
check dataset "$shared"
quiet "$bin" v2 preprocess -d 4 -plans_name nnUNetPlansNarrow -c 3d_fullres
model=$work/results/Dataset004_Hippocampus/nnUNetTrainer_5epochs__nnUNetPlansNarrow__3d_fullres
fold=$model/fold_0

# Ours is stopped within an epoch; both go on from there.
"$bin" v2 train 4 3d_fullres 0 -p nnUNetPlansNarrow -tr nnUNetTrainer_5epochs -device cpu > log 2>&1 &
pid=$!
until [ -e "$fold/checkpoint_latest.pth" ] || ! kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
kill -TERM "$pid"
code=0; wait "$pid" || code=$?
[ "$code" = 75 ] || { cat log; echo "stopped with $code, not 75"; exit 1; }
check continues "$model" checkpoint_latest.pth theirs.pth
ours 0 -tr nnUNetTrainer_5epochs --c
check finished "$model"
echo "ok: nnU-Net goes on from our checkpoint"

# What nnU-Net wrote is gone on from.
mv "$fold/checkpoint_final.pth" ours.pth
rm -f "$fold"/checkpoint_*.pth
cp theirs.pth "$fold/checkpoint_latest.pth"
ours 0 -tr nnUNetTrainer_5epochs --c
check finished "$model"
echo "ok: we go on from nnU-Net's checkpoint"

# The same label maps by both, and our weights as a beginning.
check predict "$model" theirs_predicted
quiet "$bin" v2 predict_from_modelfolder -m "$model" -f 0 -i images -o ours_predicted -device cpu
check same_maps ours_predicted theirs_predicted
check pretrained "$model" "$fold/checkpoint_final.pth"
ours 1 -tr nnUNetTrainer_1epoch -pretrained_weights "$fold/checkpoint_final.pth"
echo "ok: label maps and initial weights"

# Ours trains on what nnU-Net preprocessed: the same cases as its own.
mkdir -p theirs
cp -r preprocessed/Dataset004_Hippocampus theirs/
export nnUNet_preprocessed=$work/theirs
quiet "$(dirname "$python")/nnUNetv2_preprocess" -d 4 -plans_name nnUNetPlansNarrow -c 3d_fullres -np 2
ours 2 -tr nnUNetTrainer_1epoch
check same_cases preprocessed theirs
echo "ok: trained on cases that nnU-Net preprocessed"
