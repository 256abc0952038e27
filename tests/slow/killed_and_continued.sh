#!/usr/bin/env bash
# Runs of `preprocess` and `predict` are killed (SIGKILL) at random moments and continued, alone and as three parts of a
# job beside each other. The folder at the end equals an undisturbed run's byte for byte, without stray files. One more
# run of each is killed once it has finished something, which the next run must keep.
#   killed_and_continued.sh [KILLS (20) [CASES (120)]]     SEED=n: the same moments again
set -euo pipefail
kills=${1:-20}
cases=${2:-120}
nnunet=$(realpath "${NNUNET:-$(dirname "${BASH_SOURCE[0]}")/../../build/bin/nnunet}")
RANDOM=${SEED:=$RANDOM}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo "seed $SEED, $kills kills a run, $cases cases"

quiet() { "$@" > log 2>&1 || { cat log; echo "failed: $*"; exit 1; }; }

# random_seconds MILLISECONDS: anything up to that.
random_seconds() { awk -v ms=$((RANDOM * 32768 + RANDOM)) -v most="$1" 'BEGIN { printf "%.3f", ms % most / 1000 }'; }

# kill_at_random MILLISECONDS LOG COMMAND...: succeeds when the command was killed, fails when it was done before.
kill_at_random() {
  local most=$1 log=$2 pid code=0
  shift 2
  "$@" > "$log" 2>&1 &
  pid=$!
  sleep "$(random_seconds "$most")"
  kill -9 "$pid" 2>/dev/null || true
  { wait "$pid" || code=$?; } 2>/dev/null
  case $code in
    137) return 0 ;;
    0) return 1 ;;
    *) cat "$log"; echo "failed ($code): $*"; exit 1 ;;
  esac
}

# finish LOG COMMAND...
finish() {
  local log=$1
  shift
  "$@" > "$log" 2>&1 || { cat "$log"; echo "failed: $*"; exit 1; }
}

compare() {
  diff -r whole "$1" || { echo "$2: the folder differs from an undisturbed run's"; exit 1; }
  local stray
  stray=$(find . -name '*.tmp*')
  [ -z "$stray" ] || { echo "$2: left behind: $stray"; exit 1; }
}

# Whether a folder has a case that the next run must keep.
lists_a_case() { grep -q phantom_ "$1/config.json" 2>/dev/null; }
has_two_maps() { [ "$(find "$1" -name '*.nii.gz' 2>/dev/null | wc -l)" -ge 2 ]; }  # the first one is finished then

# check_kept NAME FOLDER CONDITION COMMAND...: COMMAND is killed when FOLDER meets CONDITION, and its next run must have
# kept something. It is stopped whenever it is looked at, and once for longer: preprocess saves after a second for the
# first time.
check_kept() {
  local name=$1 folder=$2 condition=$3 pid code=0 attempt waited
  shift 3
  for attempt in $(seq 20); do  # it may end between two looks
    rm -rf "$folder"
    "$@" > log 2>&1 &
    pid=$! waited=
    while kill -STOP "$pid" 2>/dev/null; do
      ! "$condition" "$folder" || break
      if [ -z "$waited" ] && [ -n "$(find "$folder" -name '*_x.npy.tmp*' 2>/dev/null)" ]; then sleep 1.2; waited=yes; fi
      kill -CONT "$pid" 2>/dev/null || true
      sleep 0.002
    done
    kill -9 "$pid" 2>/dev/null || true
    code=0
    { wait "$pid" || code=$?; } 2>/dev/null
    [ "$code" -ne 137 ] || break
  done
  [ "$code" -eq 137 ] || { cat log; echo "$name: ended $attempt times before it could be killed ($code)"; exit 1; }
  finish log "$@"
  grep -qE '  kept$|, [1-9][0-9]* kept: ' log || { cat log; echo "$name: nothing was kept after a kill"; exit 1; }
  echo "ok: $name, killed with something finished, which was kept"
  rm -rf "$folder"
}

# check NAME FOLDER COMMAND...: COMMAND writes FOLDER.
check() {
  local name=$1 folder=$2 start most done=0 restarts=0
  shift 2
  start=$(date +%s%3N)
  quiet "$@"
  most=$(($(date +%s%3N) - start))
  rm -rf whole
  mv "$folder" whole

  while [ "$done" -lt "$kills" ]; do
    if kill_at_random "$most" log "$@"; then
      done=$((done + 1))
    else  # nothing left to kill: once more from the start
      compare "$folder" "$name"
      rm -rf "$folder"
      restarts=$((restarts + 1))
    fi
  done
  finish log "$@"
  compare "$folder" "$name"
  echo "ok: $name, killed $done times, $restarts times finished between ($most ms undisturbed)"

  rm -rf "$folder"
  local part pids=()
  for part in 0 1 2; do
    (
      RANDOM=$((SEED + part + 1)) done=0
      while [ "$done" -lt "$kills" ] && kill_at_random "$most" "log$part" "$@" --num_parts 3 --part_id "$part"; do
        done=$((done + 1))
      done
      finish "log$part" "$@" --num_parts 3 --part_id "$part"
      echo "$done" > "killed$part"
    ) &
    pids+=($!)
  done
  for part in "${pids[@]}"; do wait "$part"; done
  compare "$folder" "$name in parts"
  echo "ok: $name, three parts, killed $(cat killed0 killed1 killed2 | paste -sd " ") times"
}

quiet "$nnunet" phantom --output data --cases "$cases" --test_cases "$((cases / 4 + 1))" --seed 5
task=(--task 99 --dim 3)
small=(--patch_size 16 32 16)
check preprocess prepared/99_3d "$nnunet" preprocess --data data --results prepared "${task[@]}" "${small[@]}"
check "preprocess for tests" prepared/99_3d/test \
  "$nnunet" preprocess --data data --results prepared "${task[@]}" --exec_mode test
# A fine spacing, so that a case takes long enough to be looked at.
check_kept preprocess fine/99_3d lists_a_case "$nnunet" preprocess --data data --results fine "${task[@]}" --n_jobs 1 \
  --spacing 0.3 0.3 0.3 --patch_size 16 32 16
quiet "$nnunet" train --data prepared --results net "${task[@]}" --gpus 0 --filters 8 16 --depth 1 --max_epochs 0
network=(--gpus 0 --ckpt_path net/checkpoints/last.ckpt)
check_kept "predict of images" maps has_two_maps "$nnunet" predict "${network[@]}" --input data/Task99_Phantom/imagesTr \
  --output maps --save_probabilities --overlays
check "predict of images" maps "$nnunet" predict "${network[@]}" \
  --input data/Task99_Phantom/imagesTs --output maps --save_probabilities --overlays
check "predict of a preprocessed folder" softmax "$nnunet" predict "${network[@]}" \
  --data prepared/99_3d/test --results softmax --task 99 --save_preds
