#!/usr/bin/env bash
# A training is killed (SIGKILL) at random moments and resumed each time, on one process and on two. The losses at the
# end equal an undisturbed training's: digit for digit. Nothing that cannot be read is left behind. The first kill comes
# after a save, so that at least one run resumes.
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

curve() { grep -o '"mean dice.*"train_loss": [^,]*' "$1/logs.json"; }

check() {
  local name=$1 done=0 finished=0 saved=0 resumed=0 start most pid code
  shift
  local train=("$nnunet" train --data prepared --task 99 --gpus 0 --filters 8 16 --depth 1 --train_batches 4
               --test_batches 2 --max_epochs "$epochs" --save_every_n_steps 3 --resume_training "$@")
  rm -rf undisturbed killed
  start=$(date +%s%3N)
  "${train[@]}" --results undisturbed > log 2>&1 || { cat log; exit 1; }
  most=$((($(date +%s%3N) - start) / 4))
  while [ "$done" -lt "$kills" ]; do
    "${train[@]}" --results killed > log 2>&1 &
    pid=$!
    until [ "$done" -gt 0 ] || [ -e killed/checkpoints/last.ckpt ] || ! kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
    [ "$done" -eq 0 ] || sleep "$(awk -v ms=$((RANDOM * 32768 + RANDOM)) -v most="$most" 'BEGIN { printf "%.3f", ms % most / 1000 }')"
    kill -9 "$pid" 2>/dev/null || true
    code=0
    { wait "$pid" || code=$?; } 2>/dev/null
    case $code in
      137)
        done=$((done + 1))
        [ ! -e killed/checkpoints/last.ckpt ] || saved=$((saved + 1)) ;;
      0)  # done already: compared, and once more from the start
        diff <(curve undisturbed) <(curve killed) || { echo "$name: other losses"; exit 1; }
        rm -rf killed
        finished=$((finished + 1)) ;;
      *) cat log; echo "$name: failed ($code)"; exit 1 ;;
    esac
    ! grep -q '^resuming' log || resumed=$((resumed + 1))
    # The ranks of a killed parent are killed with it; the next training waits for none of them.
  done
  "${train[@]}" --results killed > log 2>&1 || { cat log; exit 1; }
  ! grep -q '^resuming' log || resumed=$((resumed + 1))
  [ "$saved" -gt 0 ] && [ "$resumed" -gt 0 ] || { echo "$name: $saved kills after a save, $resumed resumed: nothing was tried"; exit 1; }
  diff <(curve undisturbed) <(curve killed) || { echo "$name: other losses"; exit 1; }
  [ "$(curve killed | wc -l)" -eq "$epochs" ] || { echo "$name: epochs are missing from the log"; exit 1; }
  local stray
  stray=$(find killed -name '*.tmp*')
  [ -z "$stray" ] || { echo "$name: left behind: $stray"; exit 1; }
  for checkpoint in killed/checkpoints/*.ckpt; do
    "$nnunet" info "$checkpoint" > log 2>&1 || { cat log; echo "$name: $checkpoint cannot be read"; exit 1; }
  done
  echo "ok: $name, killed $done times ($saved after a save, $resumed resumed), $finished times finished between"
}

check "one process"
check "two processes" --batch_size 1 --procs 2
