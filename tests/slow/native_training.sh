#!/usr/bin/env bash
# 300 training steps by the native engine and by libtorch, from the same seed: the loss curves may be no further apart
# than those of two seeds are. On a phantom, or on the preprocessed task given by DATA and TASK.
#   tests/slow/native_training.sh [EPOCHS=15 of 20 steps each]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
nnunet=${NNUNET:-$PWD/build/bin/nnunet}
epochs=${1:-15}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
data=${DATA:-$work/prepared} task=${TASK:-99} filters=()
if [ -z "${DATA:-}" ]; then
  "$nnunet" phantom --output "$work/data" --cases 20 > "$work/log" 2>&1
  "$nnunet" preprocess --data "$work/data" --results "$data" --task 99 --dim 3 --patch_size 32 32 32 > "$work/log" 2>&1
  filters=(--filters 16 32 64 --depth 2)
fi

# train ENGINE SEED [OPTIONS]: leaves the mean training losses of the epochs in ENGINE-SEED.
train() {
  local name="$1-$2${3:+-amp}"
  "$nnunet" train --data "$data" --task "$task" --dim 3 --gpus 0 --engine "$1" --seed "$2" "${filters[@]}" ${3:+"$3"} \
    --max_epochs "$epochs" --train_batches 20 --test_batches 4 --results "$work/$name" > "$work/$name.log" 2>&1 ||
    { cat "$work/$name.log"; exit 1; }
  grep -o '"train_loss": [^,}]*' "$work/$name/logs.json" | grep -o '[-0-9.e]*$' > "$work/$name.curve"
  printf '%-16s' "$name"; tr '\n' ' ' < "$work/$name.curve"; echo
}

# distance A B: root of the mean square of the differences of two curves.
distance() { paste "$work/$1.curve" "$work/$2.curve" | awk '{ s += ($1 - $2) ^ 2; n++ } END { printf "%.6f", sqrt(s / n) }'; }

for run in "libtorch 1" "libtorch 2" "native 1" "libtorch 1 --amp" "libtorch 2 --amp" "native 1 --amp"; do
  train $run
done
for amp in "" -amp; do
  engines=$(distance "native-1$amp" "libtorch-1$amp") seeds=$(distance "libtorch-1$amp" "libtorch-2$amp")
  echo "distance of the engines${amp:+ with --amp}: $engines, of two seeds: $seeds"
  awk -v a="$engines" -v b="$seeds" 'BEGIN { exit !(a <= b) }' || { echo "the engines are further apart"; exit 1; }
done
echo "ok: trained natively and by libtorch"
