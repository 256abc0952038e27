#!/usr/bin/env bash
# nnunet dicom-node between other programs: DCMTK's storescu and echoscu and pynetdicom send series, DCMTK's storescp and
# pynetdicom get the segmentations, plain and over TLS; they are those that nnunet predict writes. The node is killed in
# each state of the queue, and at random moments, and loses nothing. Where Orthanc is, it routes a study through the node.
#   PEER=folder   as dicom_peers.bash says
#   KILLS=n       how often it is killed at random moments (default 8)
#   ORTHANC       its program (package orthanc)
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
root=$here/../..
nnunet=$(realpath "${NNUNET:-$root/build/bin/nnunet}")
data=$(realpath "${DATA:-$root/../shared/data}")
models=$root/../shared/reference-v2/run/models
body=$models/Dataset021_BodyCT/nnUNetTrainerNoMirroring__nnUNetPlansNarrow__3d_fullres
hippocampus=$models/Dataset004_Hippocampus/nnUNetTrainer_5epochs__nnUNetPlansNarrow__3d_fullres
for folder in "$data" "$body" "$hippocampus"; do [ -d "$folder" ] || { echo "SKIPPED: no $folder"; exit 0; }; done
. "$root/scripts/packages.bash"
need storescp dcmtk
install_needed
. "$here/dicom_peers.bash"
work=$(mktemp -d)
processes=()
trap 'for process in "${processes[@]}"; do kill -9 "$process" 2> /dev/null || true; done; rm -rf "$work"' EXIT
python=$peer/bin/python script=$here/dicom_node.py
cd "$work"
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-2}

free_port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# until CONDITION..: a minute at most.
until_true() { for _ in $(seq 1200); do eval "$1" && return; sleep 0.05; done; echo "never true: $1" >&2; tail -n 40 node.log >&2; exit 1; }
listened() { "$python" -c "import socket; socket.create_connection(('127.0.0.1', $1))" 2> /dev/null; }

port=$(free_port)
# start_node MODEL ARGUMENTS..: waits for it; its process is `node`.
start_node() {
  local model=$1
  shift
  echo "--- started" >> node.log
  "$nnunet" dicom-node --model "$model" --gpus 0 --port "$port" --spool spool --series_timeout 1.5 "$@" >> node.log 2>&1 &
  node=$!
  processes+=("$node")
  until_true "tail -n 20 node.log | sed -n '/--- started/h;//!H;\${x;p}' | grep -q 'listens at' || ! kill -0 $node 2> /dev/null"
  kill -0 "$node" 2> /dev/null || { cat node.log; exit 1; }
}
kill_node() { kill -9 "$node"; wait "$node" 2> /dev/null || true; }
stop_node() { kill -TERM "$node"; wait "$node" || { cat node.log; echo "the node ended with a failure" >&2; exit 1; }; }
send() { storescu "${@:2}" +sd -aec NNUNET 127.0.0.1 "$port" "$1" > storescu.log 2>&1; }
count() { find "$1" -type f 2> /dev/null | wc -l; }
is_empty() { [ -z "$(find spool/receiving spool/waiting spool/segmented spool/incoming spool/failed -type f 2> /dev/null)" ]; }
nothing_secret() { ! grep -rqiE "Müller|M.ller|Jörg|19560728" node.log && ! find spool | grep -qE "$(printf '1\\.2\\.826')[0-9.]*/images" || { echo "the log or the spool names a patient" >&2; exit 1; }; }

# Series, and what predict makes of them.
mkdir made && "$python" "$here/dicom_writing.py" make made "$data"
for n in 1 2 3 4 5 6; do "$python" "$script" series made/hippocampus/series "mr$n" "$n"; done
"$python" "$script" series "$data/dicom_ct" ct 9
expect() { "$nnunet" predict --model "$2" --gpus 0 --input "$1" --output "$1.dcm" --dicom_seg binary > log 2>&1 || { cat log; exit 1; }; }
for n in 1 2 3 4 5 6; do expect "mr$n" "$hippocampus"; done
expect ct "$body"

pacs=$(free_port)
start_pacs() {
  rm -rf pacs && mkdir pacs
  storescp --promiscuous -aet PACS -od pacs "$pacs" > pacs.log 2>&1 &
  archive=$!
  processes+=("$archive")
  until_true "listened $pacs"
}
stop_pacs() { kill "$archive"; wait "$archive" 2> /dev/null || true; }
arrived() { until_true "[ \"\$(count pacs)\" -ge 1 ] && is_empty"; [ "$(count pacs)" = 1 ] || { echo "it was sent twice" >&2; exit 1; }; "$python" "$script" labels pacs/* "$1.dcm"; }

start_pacs
start_node "$body" --send-to "PACS@127.0.0.1:$pacs"
echoscu -aec NNUNET 127.0.0.1 "$port"
! echoscu -aec OTHER 127.0.0.1 "$port" 2> /dev/null || { echo "another title is answered" >&2; exit 1; }
send ct -xv || { cat storescu.log; exit 1; }
arrived ct
stop_node
stop_pacs
echo "ok: a CT in JPEG 2000, sent by storescu, comes back as predict's segmentation"

start_pacs
start_node "$hippocampus" --send_to "PACS@127.0.0.1:$pacs"
"$python" "$script" store "127.0.0.1:$port" mr1
arrived mr1
send pacs -R || { cat storescu.log; exit 1; }  # the segmentation itself
sleep 3
[ "$(count pacs)" = 1 ] && is_empty || { echo "a segmentation was segmented" >&2; exit 1; }
stop_node
stop_pacs
echo "ok: an MR, sent by pynetdicom, too; the segmentation sent back to the node goes nowhere"

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem 2> /dev/null
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=caller -keyout caller.key -out caller.pem 2> /dev/null
rm -rf pacs && mkdir pacs
storescp --promiscuous -aet PACS -od pacs +tls key.pem cert.pem +cf cert.pem --require-peer-cert "$pacs" > pacs.log 2>&1 & archive=$!
processes+=("$archive")
start_node "$hippocampus" --allow STORESCU@127.0.0.1 --tls_cert cert.pem --tls_key key.pem --tls_ca caller.pem \
  --send_to "PACS@127.0.0.1:$pacs" --send_tls_ca cert.pem --send_tls_cert cert.pem --send_tls_key key.pem
! send mr2 || { echo "taken without TLS" >&2; exit 1; }
! send mr2 +tla -ic || { echo "taken without a certificate" >&2; exit 1; }
! send mr2 +tls caller.key caller.pem +cf cert.pem -aet STRANGER || { echo "taken of a stranger" >&2; exit 1; }
send mr2 +tls caller.key caller.pem +cf cert.pem || { cat storescu.log; exit 1; }
arrived mr2
stop_node
stop_pacs
echo "ok: over TLS with certificates both ways; callers without TLS, certificate or leave are refused"

for model in "$models"/Dataset023_TwoMR/* "$models"/Dataset004_Hippocampus/*cascade*; do
  if "$nnunet" dicom-node --model "$model" --gpus 0 --port "$port" --spool other --output objects > log 2>&1; then exit 1; fi
  grep -qE "takes 2 channels|second stage of a cascade" log || { cat log; exit 1; }
done
start_node "$hippocampus" --output objects --dicom_seg rtstruct
send mr1
until_true "[ \"\$(count objects)\" = 1 ] && is_empty"
stop_node
"$nnunet" predict --model "$hippocampus" --gpus 0 --input mr1 --output rt.dcm --dicom_seg rtstruct > log 2>&1 || { cat log; exit 1; }
contours() { dcmdump +P ContourData "$1"; }
[ "$(contours rt.dcm | wc -l)" -gt 2 ] && cmp <(contours rt.dcm) <(contours objects/*.dcm)
echo "ok: structure sets into a folder have predict's contours; networks of several channels or stages are refused"

# The sender killed while it sends: what it sent before stays, and the rest comes with the next one.
start_pacs
start_node "$hippocampus" --send_to "PACS@127.0.0.1:$pacs"
storescu +sd -aec NNUNET 127.0.0.1 "$port" mr2 > storescu.log 2>&1 & sender=$!
until_true "[ \"\$(count spool/receiving)\" -ge 5 ]"
kill -9 $sender 2> /dev/null || true
wait $sender 2> /dev/null || true
send mr2
arrived mr2
stop_node
stop_pacs
# Killed while it receives: what was answered is there, and the rest comes again.
start_pacs
start_node "$hippocampus" --send_to "PACS@127.0.0.1:$pacs"
{ send mr3 || true; } & sender=$!
until_true "[ \"\$(count spool/receiving)\" -ge 5 ]"
kill_node
wait "$sender"
answered=$(count spool/receiving)
start_node "$hippocampus" --send_to "PACS@127.0.0.1:$pacs"
[ "$(count spool/receiving)" = "$answered" ] || { echo "instances are lost" >&2; exit 1; }
send mr3
arrived mr3
stop_pacs
# Killed while it segments.
start_pacs
send mr4
until_true "[ -n \"\$(find spool/waiting -name '*.dcm')\" ]"
kill_node
start_node "$hippocampus" --send_to "PACS@127.0.0.1:$pacs"
arrived mr4
stop_pacs
# Killed while the archive is away.
rm -rf pacs
send mr5
until_true "[ -n \"\$(find spool/segmented -name '*.dcm')\" ] && tail -n 3 node.log | grep -q 'tried again'"
kill_node
start_node "$hippocampus" --send_to "PACS@127.0.0.1:$pacs"
sleep 2
start_pacs
arrived mr5
stop_pacs
# Killed between the archive's taking and its answer: it is sent again, the same object.
rm -rf pacs && mkdir pacs
"$python" "$script" archive "$pacs" pacs 3 > pacs.log 2>&1 & archive=$!
processes+=("$archive")
until_true "listened $pacs"
send mr6
until_true "[ \"\$(count pacs)\" = 1 ]"
kill_node
start_node "$hippocampus" --send_to "PACS@127.0.0.1:$pacs"
until_true "[ \"\$(count pacs)\" = 2 ] && is_empty"
[ "$(dcmdump +P SOPInstanceUID pacs/000.dcm)" = "$(dcmdump +P SOPInstanceUID pacs/001.dcm)" ] || { echo "two objects" >&2; exit 1; }
"$python" "$script" labels pacs/001.dcm mr6.dcm
stop_node
stop_pacs
echo "ok: killed while it receives, segments, waits for the archive and sends, it loses nothing"

# Killed at random, with a sender that repeats what was not answered.
start_pacs
for n in $(seq 11 16); do
  "$python" "$script" series made/hippocampus/series "mr$n" "$n"
  expect "mr$n" "$hippocampus"
done
( for n in $(seq 11 16); do until send "mr$n"; do sleep 0.3; done; done ) & sender=$!
for _ in $(seq "${KILLS:-8}"); do
  start_node "$hippocampus" --send_to "PACS@127.0.0.1:$pacs"
  sleep "$((RANDOM % 4)).$((RANDOM % 10))"
  kill_node
done
start_node "$hippocampus" --send_to "PACS@127.0.0.1:$pacs"
wait "$sender"
until_true is_empty
stop_node
for n in $(seq 11 16); do
  found=0
  for object in pacs/*; do "$python" "$script" labels "$object" "mr$n.dcm" 2> /dev/null && found=1; done
  [ $found = 1 ] || { echo "mr$n is lost" >&2; tail -n 60 node.log; exit 1; }
done
stop_pacs
nothing_secret
echo "ok: killed ${KILLS:-8} times at random moments, each series' segmentation arrives"

orthanc=${ORTHANC:-$(command -v Orthanc || true)}
if [ -z "$orthanc" ]; then
  echo "NOT TESTED: no Orthanc (package orthanc)"
  exit 0
fi
rest=$(free_port)
cat > orthanc.json << END
{"StorageDirectory": "orthanc", "IndexDirectory": "orthanc", "HttpPort": $rest, "DicomPort": $pacs, "DicomAet": "ORTHANC",
 "RemoteAccessAllowed": false, "AuthenticationEnabled": false, "DicomAlwaysAllowStore": true, "UnknownSopClassAccepted": true,
 "DicomModalities": {"node": ["NNUNET", "127.0.0.1", $port]}}
END
"$orthanc" orthanc.json > orthanc.log 2>&1 & archive=$!
processes+=("$archive")
until_true "listened $rest && listened $pacs"
start_node "$hippocampus" --allow ORTHANC@127.0.0.1 --send_to "ORTHANC@127.0.0.1:$pacs"
for file in mr1/*; do curl -sf -o log --data-binary "@$file" "http://127.0.0.1:$rest/instances"; done
study=$(curl -sf "http://127.0.0.1:$rest/studies" | tr -d '[]" \n')
curl -sf -o log --data "$study" "http://127.0.0.1:$rest/modalities/node/store"
until_true "[ \"\$(curl -sf http://127.0.0.1:$rest/studies/$study | grep -c 'Series\\|\"[0-9a-f-]*\"')\" -ge 1 ] && [ \"\$(curl -sf http://127.0.0.1:$rest/studies/$study/series | grep -c '\"Modality\" : \"SEG\"')\" = 1 ] && is_empty"
curl -sf -o log --data "$study" "http://127.0.0.1:$rest/modalities/node/store"  # with the segmentation
until_true "[ \"\$(curl -sf http://127.0.0.1:$rest/studies/$study/series | grep -c '\"Modality\" : \"SEG\"')\" = 2 ] && is_empty"
sleep 3
[ "$(curl -sf "http://127.0.0.1:$rest/studies/$study/series" | grep -c '"Modality" : "SEG"')" = 2 ] || { echo "a segmentation was segmented" >&2; exit 1; }
stop_node
echo "ok: Orthanc sends a study to the node, and has the segmentation in it"
