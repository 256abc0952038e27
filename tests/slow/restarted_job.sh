#!/usr/bin/env bash
# torchrun starts a job of two processes again after one of them was killed; it goes on by itself, and the losses are
# those of an undisturbed job.
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
nnunet=$(realpath "${NNUNET:-$here/../../build/bin/nnunet}")
torchrun=$(dirname "$(cat "$here/../../.deps/python")")/torchrun
[ -x "$torchrun" ] || { echo "SKIPPED: no torchrun at $torchrun"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$nnunet" phantom --output data --cases 12 > log 2>&1
"$nnunet" preprocess --data data --results prepared --task 99 --dim 3 --patch_size 16 32 16 > log 2>&1

job() {
  "$torchrun" --no-python --nproc-per-node 2 --max-restarts 3 --master-port "$1" "$nnunet" train --data prepared --task 99 \
    --gpus 0 --filters 8 16 --depth 1 --batch_size 1 --train_batches 4 --test_batches 2 --max_epochs 40 \
    --save_every_n_steps 1 --dist_timeout 20 --results "$2" > "$2.log" 2>&1
}
curve() { grep -o '"mean dice.*"train_loss": [^,]*' "$1/logs.json"; }

job 29611 undisturbed || { cat undisturbed.log; exit 1; }
job 29612 restarted & pid=$!
for second in 1 2; do
  sleep 6
  # The rank that is not the writer, then the writer.
  victim=$(pgrep -f "results restarted$" | while read -r p; do
    grep -qz "^RANK=$((2 - second))$" "/proc/$p/environ" 2>/dev/null && tr '\0' ' ' < "/proc/$p/cmdline" | grep -q 'nnunet.* train' \
      && ! tr '\0' ' ' < "/proc/$p/cmdline" | grep -q torchrun && echo "$p"; done | head -1)
  [ -n "$victim" ] && kill -9 "$victim" && echo "rank $((2 - second)) killed"
done
wait "$pid" || { cat restarted.log; exit 1; }
grep -q 'resuming' restarted.log || { cat restarted.log; echo "it was never restarted"; exit 1; }
diff <(curve undisturbed) <(curve restarted) || { echo "other losses"; exit 1; }
echo "ok: a job that torchrun restarted"
