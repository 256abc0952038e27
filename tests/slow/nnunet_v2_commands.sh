#!/usr/bin/env bash
# nnU-Net v2's own commands and ours on each other's files: label maps, .npz, .pkl, postprocessing.pkl, zip files. Both give
# the same.
#   PEER=folder              where nnUNetv2_ensemble and the others of nnunetv2 2.8 are (default: .deps/bench-venv/bin)
#   KINDS="labels regions"   only these toy datasets
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
export PYTHONPATH=$here/../../bench/peers/startup
bin=$(realpath "${NNUNET:-$here/../../build/bin/nnunet}")
peer=${PEER:-$here/../../.deps/bench-venv/bin}
[ -x "$peer/nnUNetv2_ensemble" ] || { echo "SKIPPED: no nnunetv2 in $peer (bench/compare sets it up)"; exit 0; }
python=$peer/python
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir raw preprocessed results
export nnUNet_raw=$work/raw nnUNet_preprocessed=$work/preprocessed nnUNet_results=$work/results nnUNet_def_n_proc=2
quiet() { "$@" > log 2>&1 || { cat log; exit 1; }; }
ours() { local name=$1; shift; quiet "$bin" v2 "$name" "$@"; }
theirs() { local name=$1; shift; quiet "$peer/nnUNetv2_$name" "$@"; }
check() { "$python" "$here/nnunet_v2_commands.py" "$@"; }

for kind in ${KINDS:-labels regions ignore affine reoriented}; do
  check make "$kind" "$kind"
  cd "$kind"
  # Probabilities of both are merged by both: all four give the same.
  theirs ensemble -i A B -o merged_theirs --save_npz -np 2
  ours ensemble -i A B -o merged_ours --save_npz
  check same merged_ours merged_theirs
  if [ "$kind" = labels ]; then
    theirs ensemble -i A merged_ours -o again_theirs -np 2
    ours ensemble -i A merged_theirs -o again_ours
    check same again_ours again_theirs
  fi
  # Evaluation of ours by theirs.
  cp A/plans.json merged_ours
  theirs evaluate_folder ref merged_ours -djfile A/dataset.json -pfile A/plans.json -o theirs.json -np 2
  ours evaluate_folder ref merged_ours -djfile A/dataset.json -pfile A/plans.json -o ours.json
  check same_json ours.json theirs.json
  # Postprocessing that each determines, applied by the other.
  rm merged_ours/*.npz merged_ours/*.pkl  # where nothing helps, theirs copies all files
  cp -r merged_ours one
  cp -r merged_ours two
  ours determine_postprocessing -i one -ref ref
  theirs determine_postprocessing -i two -ref ref -np 2
  check same one/postprocessed two/postprocessed
  check same_json one/postprocessing.json two/postprocessing.json
  grep -q remove_all one/postprocessing.json || { echo "$kind: no postprocessing helps: this tests nothing"; exit 1; }
  theirs apply_postprocessing -i A_maps -o applied_theirs -pp_pkl_file one/postprocessing.pkl -np 2 -plans_json A/plans.json -dataset_json A/dataset.json
  ours apply_postprocessing -i A_maps -o applied_ours -pp_pkl_file two/postprocessing.pkl -plans_json A/plans.json -dataset_json A/dataset.json
  check same applied_ours applied_theirs
  cd "$work"
  echo "$kind: the same"
done

# Models packed by one are installed by the other, byte by byte.
check models results
for packer in ours theirs; do
  $packer export_model_to_zip -d 900 -o "$packer.zip" -c 3d_fullres -f 0
  for installer in ours theirs; do
    mkdir "$packer.$installer"
    nnUNet_results=$work/$packer.$installer $installer install_pretrained_model_from_zip "$packer.zip"
  done
done
diff -r ours.ours ours.theirs
diff -r ours.ours theirs.ours
diff -r ours.ours theirs.theirs

# From an address.
port=$("$python" -c "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])")
"$python" -m http.server "$port" --bind 127.0.0.1 > served 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
until (exec 3<> "/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.1; done
mkdir downloaded
nnUNet_results=$work/downloaded ours download_pretrained_model_by_url "http://127.0.0.1:$port/theirs.zip"
diff -r ours.ours downloaded
if nnUNet_results=$work/nothing "$bin" v2 download_pretrained_model_by_url "http://127.0.0.1:$port/none.zip" > log 2>&1; then
  echo "an address without a file was no error"; exit 1
fi
echo "ok: nnU-Net v2's commands and ours agree"
