#!/usr/bin/env bash
# A server under the load of 64 clients, patches and volumes mixed, bad clients among them: no error but 429, every answer
# correct, memory flat, and it ends as it should.
#   tests/slow/served_load.sh [SECONDS (120)] [CLIENTS (64)]     CKPT=file IMAGES=folder: another network than a tiny one
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
. "$here/server.bash"
nnunet=$(realpath "${NNUNET:-$here/../../build/bin/nnunet}")
python=$(cat "$here/../../.deps/python")
seconds=${1:-120} clients=${2:-64}
ckpt=${CKPT:-} images=${IMAGES:-}
[ -z "$ckpt" ] || { ckpt=$(realpath "$ckpt"); images=$(realpath "$images"); }
work=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill -9 "$server" 2> /dev/null; rm -rf "$work"' EXIT
cd "$work"
quiet() { "$@" > log 2>&1 || { cat log; exit 1; }; }

if [ -z "$ckpt" ]; then
  quiet "$nnunet" phantom --output data --cases 10 --test_cases 3
  quiet "$nnunet" preprocess --data data --results prepared --task 99 --dim 3 --patch_size 16 32 16
  quiet "$nnunet" train --data prepared --results results --task 99 --gpus 0 --train_batches 3 --test_batches 1 \
    --filters 8 16 --depth 1 --max_epochs 1
  ckpt=results/checkpoints/best.ckpt images=data/Task99_Phantom/imagesTs
fi
quiet "$nnunet" export --ckpt_path "$ckpt" --format torchscript --output exported
quiet "$nnunet" predict --gpus 0 --ckpt_path "$ckpt" --input "$images" --output maps

start_server server.log --grpc_port -1 --access_log access --model net="$ckpt"
"$python" "$here/served_load.py" "$url" "$server" net exported/model.pt "$images" maps "$seconds" "$clients" || { tail server.log; exit 1; }
kill -TERM "$server"
wait "$server" || { cat server.log; echo "the server did not end as it should"; exit 1; }
server=""
echo "ok: a server under load"
