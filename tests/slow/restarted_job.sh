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

# job PORT RESULTS
job() {
  "$torchrun" --no-python --nproc-per-node 2 --max-restarts 3 --master-port "$1" "$nnunet" train --data prepared --task 99 \
    --gpus 0 --filters 8 16 --depth 1 --batch_size 1 --train_batches 4 --test_batches 2 --max_epochs 60 \
    --save_every_n_steps 1 --dist_timeout 20 --results "$2" > "$2.log" 2>&1
}
curve() { grep -o '"mean dice.*"train_loss": [^,]*' "$1/logs.json"; }
epochs() { { curve restarted 2>/dev/null || true; } | wc -l; }

# The process of that rank of the second job; torchrun's own command line names the program only further on.
process_of_rank() {
  local process program
  for process in $(pgrep -f 'results restarted' || true); do
    program=$(head -c 4096 "/proc/$process/cmdline" 2>/dev/null | tr '\0' ' ' | cut -d' ' -f1)
    if [[ "$program" == *nnunet* ]] && grep -qz "^RANK=$1\$" "/proc/$process/environ" 2>/dev/null; then
      echo "$process"
      return
    fi
  done
}

# kill_rank RANK EPOCH: once that epoch is logged.
kill_rank() {
  local process=""
  for _ in $(seq 600); do
    kill -0 "$pid" 2>/dev/null || { cat restarted.log; echo "the job ended before rank $1 was killed"; exit 1; }
    if [ "$(epochs)" -ge "$2" ]; then process=$(process_of_rank "$1"); fi
    if [ -n "$process" ] && kill -9 "$process" 2>/dev/null; then
      echo "rank $1 killed in epoch $(epochs)"
      return
    fi
    sleep 0.1
  done
  echo "rank $1 was not found"
  exit 1
}

job 29611 undisturbed || { cat undisturbed.log; exit 1; }
job 29612 restarted &
pid=$!
kill_rank 1 10  # not the writer, then the writer
kill_rank 0 30
wait "$pid" || { cat restarted.log; exit 1; }
[ "$(grep -c '^resuming' restarted.log)" -eq 2 ] || { cat restarted.log; echo "it did not resume twice"; exit 1; }
diff <(curve undisturbed) <(curve restarted) || { echo "other losses"; exit 1; }
echo "ok: a job that torchrun restarted"
