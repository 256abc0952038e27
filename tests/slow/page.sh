#!/usr/bin/env bash
# The page of `nnunet serve` in a real browser (Debian's Chromium without a screen): tests/slow/page_in_browser.mjs says
# what is tried. Software renders the pictures, so no GPU is needed.
#   CKPT=best.ckpt IMAGE=case.nii.gz   the model (of nnU-Net v2: its folder) and a real image of its kind; without them a
#                                      phantom, and a model that is trained on phantoms for a minute
#   SHOTS=folder                       where screenshots go (default: nowhere)
set -euo pipefail
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
. "$here/../../scripts/packages.bash"
. "$here/server.bash"
nnunet=$(realpath "${NNUNET:-$here/../../build/bin/nnunet}")
shots=$(realpath -m "${SHOTS:-/nonexistent}")
[ -z "${CKPT:-}" ] || CKPT=$(realpath "$CKPT")
[ -z "${IMAGE:-}" ] || IMAGE=$(realpath "$IMAGE")

need chromium chromium
need npm npm
install_needed

work=$(mktemp -d)
server=
stop() { [ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"; }
trap stop EXIT
cd "$work"
cp "$here"/page_{in_browser,study}.mjs .
npm install --silent --no-audit --no-fund puppeteer-core@24.43.1 axe-core@4.14.1 > log 2>&1 || { cat log; echo "npm could not install what the test needs"; exit 1; }

if [ -z "${CKPT:-}" ] || [ -z "${IMAGE:-}" ]; then
  echo "without CKPT and IMAGE: on phantoms"
  { "$nnunet" phantom --output data --cases 12 --test_cases 1
    "$nnunet" preprocess --data data --results prepared --task 99 --dim 3 --patch_size 40 56 40
    "$nnunet" train --data prepared --results results --task 99 --gpus 0 --filters 8 16 32 64 --max_epochs 30
  } > log 2>&1 || { cat log; exit 1; }
  CKPT=$work/results/checkpoints/best.ckpt
  IMAGE=$(find "$work/data" -path '*imagesTs*' -name '*.nii.gz')
fi

echo "the key" > keys
# use_page MODEL IMAGE SHOTS
use_page() {
  start_server serve.log --model "model=$1" --grpc_port -1 --api_keys keys --access_log access.log
  node page_in_browser.mjs "$(command -v chromium)" "$url" "the key" "$2" "$3" || { tail -n 5 access.log serve.log; exit 1; }
  kill "$server"
  wait "$server" || true
  server=
}
use_page "$CKPT" "$IMAGE" "$shots"

# A model of nnU-Net v2 whose label maps hold regions, where the shared data are there.
shared=$(realpath -m "$here/../../../shared")  # the browser opens no path with ..
regions=$shared/reference-v2/run/models/Dataset996_HippocampusRegionsIgnore/nnUNetTrainer_1epoch__nnUNetPlansNarrow__3d_fullres
image=$(find "$shared/data/Task04_Hippocampus/imagesTr" -name 'hippocampus_*.nii.gz' 2>/dev/null | sort | head -n 1 || true)
if [ -d "$regions" ] && [ -n "$image" ]; then
  echo "with a model of nnU-Net v2"
  use_page "$regions" "$image" /nonexistent
else
  echo "SKIPPED: without the shared models of nnU-Net v2"
fi
