#!/usr/bin/env bash
# NVIDIA's perf_analyzer against `nnunet serve` over HTTP, gRPC and gRPC streams, patches and volumes: all must be answered.
#   perf_analyzer.sh [CONCURRENCY (4)]     PERF_ANALYZER=path, MODEL=checkpoint: those instead of what it fetches and trains
# perf_analyzer comes with the wheel of tritonclient 2.50.0 (later ones need glibc 2.38) and needs libcudart.so.12, also a
# wheel, and Debian's libb64-0d.
set -euo pipefail
concurrency=${1:-4}
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
. "$here/server.bash"
nnunet=$(realpath "${NNUNET:-$here/../../build/bin/nnunet}")
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -9 "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
export OMP_WAIT_POLICY=passive

quiet() { "$@" > "$work/log" 2>&1 || { cat "$work/log"; echo "failed: $*"; exit 1; }; }

analyzer=${PERF_ANALYZER:-}
if [ -z "$analyzer" ]; then
  quiet python3 -m venv "$work/venv"
  quiet "$work/venv/bin/pip" install tritonclient==2.50.0 nvidia-cuda-runtime-cu12
  analyzer=$work/venv/bin/perf_analyzer
  chmod +x "$analyzer"
  cuda=$(find "$work/venv" -name libcudart.so.12)
  export LD_LIBRARY_PATH=${cuda%/*}
fi
if missing=$(ldd "$analyzer" | grep 'not found'); then
  echo "perf_analyzer cannot run here: $missing (libb64.so.0d: apt-get install libb64-0d)"
  exit 1
fi

model=${MODEL:-}
if [ -z "$model" ]; then
  quiet "$nnunet" phantom --output "$work/data" --cases 10 --test_cases 1 --seed 3
  quiet "$nnunet" preprocess --data "$work/data" --results "$work/prepared" --task 99 --dim 3 --patch_size 16 32 16
  quiet "$nnunet" train --data "$work/prepared" --results "$work/results" --task 99 --gpus 0 --train_batches 3 \
    --filters 8 16 --depth 1 --max_epochs 1 --test_batches 1
  model=$work/results/checkpoints/best.ckpt
fi

start_server "$work/server" --model "m=$model" --grpc_port 0 --access_log "$work/access"

# The volume: a box in air, with as many channels as the model wants.
channels=$(curl -sf "$url/v1/models" | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["channels"])')
python3 - "$channels" > "$work/volume.json" << 'PY'
import json, sys
shape = [int(sys.argv[1]), 20, 30, 25]
values = [float(5 < z < 15) for _ in range(shape[0]) for z in range(20) for _ in range(30 * 25)]
print(json.dumps({"data": [{"INPUT__0": {"content": values, "shape": shape}, "INPUT__1": {"content": [1.0, 1.0, 1.0], "shape": [3]}}]}))
PY

# measure TITLE ARGUMENTS...
measure() {
  local title=$1
  shift
  "$analyzer" --measurement-interval 2000 --stability-percentage 100 --max-trials 10 "$@" > "$work/measured" 2>&1 ||
    { cat "$work/measured" "$work/server"; echo "failed: $title"; exit 1; }
  printf '%s\n' "$title"
  sed -n 's/^Concurrency: /  concurrency /p' "$work/measured"
  grep -q '^Concurrency: .*throughput: [0-9.]*[1-9]' "$work/measured" || { cat "$work/measured"; exit 1; }
}

range=1:$concurrency:$((concurrency > 1 ? concurrency - 1 : 1))
measure "patches over HTTP" -m m -u "${url#http://}" -i http --concurrency-range "$range"
measure "patches over gRPC" -m m -u "$grpc" -i grpc --concurrency-range "$range"
measure "patches over gRPC streams" -m m -u "$grpc" -i grpc --async --streaming --concurrency-range "$range"
measure "volumes over HTTP" -m m_volume -u "${url#http://}" -i http --input-data "$work/volume.json" --concurrency-range "$range"
measure "volumes over gRPC" -m m_volume -u "$grpc" -i grpc --input-data "$work/volume.json" --concurrency-range "$range"

curl -sf "$url/metrics" > "$work/metrics"
if grep -E 'nv_inference_request_failure|nnunet_request_refused' "$work/metrics" | grep -vE '^#| 0$'; then
  echo "not all requests were answered"
  exit 1
fi
kill -TERM "$server"
wait "$server"
server=
