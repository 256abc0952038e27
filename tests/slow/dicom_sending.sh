#!/usr/bin/env bash
# DICOM objects sent by nnunet dicom-seg --send_to: by C-STORE to DCMTK's storescp, plain and over TLS, and by STOW-RS to
# a small service. What arrives is what was written. Where Orthanc is, it gets them both ways and has them beside the
# source series, of the same patient and study; a series that is fetched from it is segmented, and comes back so.
#   PEER=folder              as dicom_peers.bash says
#   ORTHANC, ORTHANC_PLUGIN  its program and its DICOMweb plugin (packages orthanc, orthanc-dicomweb)
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
root=$here/../..
nnunet=$(realpath "${NNUNET:-$root/build/bin/nnunet}")
data=$(realpath "${DATA:-$root/../shared/data}")
[ -d "$data" ] || { echo "SKIPPED: no images in $data"; exit 0; }
. "$root/scripts/packages.bash"
need storescp dcmtk
install_needed
. "$here/dicom_peers.bash"
work=$(mktemp -d)
servers=()
trap 'for server in "${servers[@]}"; do kill "$server" 2> /dev/null || true; done; rm -rf "$work"' EXIT
python=$peer/bin/python
"$python" "$here/dicom_writing.py" make "$work" "$data"
cd "$work"
mkdir plain tls web

free_port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# The port is listened at.
wait_for() { for _ in $(seq 200); do "$python" -c "import socket; socket.create_connection(('127.0.0.1', $1))" 2> /dev/null && return; sleep 0.1; done; return 1; }
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem 2> /dev/null
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other -keyout other.key -out other.pem 2> /dev/null

plain=$(free_port)
storescp --promiscuous -aet PACS -od plain "$plain" > plain.log 2>&1 & servers+=($!)
tls=$(free_port)
storescp --promiscuous -aet PACS -od tls +tls key.pem cert.pem +cf cert.pem --require-peer-cert "$tls" > tls.log 2>&1 & servers+=($!)
web=$(free_port)
"$python" "$here/dicom_stow_service.py" "$web" web > web.log 2>&1 & servers+=($!)
for port in "$plain" "$tls" "$web"; do wait_for "$port"; done
echo secret-token > token

send() { # KIND OPTIONS...
  local kind=$1
  shift
  "$nnunet" dicom-seg --labels hippocampus/labels.nii.gz --series hippocampus/series --labels_json hippocampus/labels.json \
    --dicom_seg "$kind" --output "$kind.dcm" --overwrite "$@" > log 2>&1
}
arrived() { "$python" "$here/dicom_writing.py" same "$kind.dcm" "$1" || { cat log; exit 1; }; }
for kind in binary labelmap rtstruct; do
  send "$kind" --send_to "PACS@127.0.0.1:$plain" || { cat log; exit 1; }
  arrived plain
  send "$kind" --send_to "PACS@127.0.0.1:$tls" --tls_ca cert.pem --tls_cert cert.pem --tls_key key.pem || { cat log; exit 1; }
  arrived tls
  send "$kind" --send_to "http://127.0.0.1:$web/dicom-web" --api_key_file token || { cat log; exit 1; }
  arrived web
done
echo "ok: objects arrive by C-STORE, over TLS, and by STOW-RS"

refused() { if send binary "$@"; then echo "was sent: $*" >&2; exit 1; fi; ! grep -qiE "secret|terminate|Jörg" log || { cat log; exit 1; }; }
refused --send_to "PACS@127.0.0.1:$tls" --tls_ca other.pem
refused --send_to "PACS@127.0.0.1:$(free_port)"
refused --send_to "http://127.0.0.1:$web/dicom-web"
refused --send_to "http://user:secret@127.0.0.1:$(free_port)/dicom-web"
echo "ok: a node with another certificate, a missing token and nobody at all are errors"

orthanc=${ORTHANC:-$(command -v Orthanc || true)}
plugin=${ORTHANC_PLUGIN:-/usr/share/orthanc/plugins/libOrthancDicomWeb.so}
if [ -z "$orthanc" ] || [ ! -e "$plugin" ]; then
  echo "NOT TESTED: no Orthanc with DICOMweb (packages orthanc, orthanc-dicomweb)"
  exit 0
fi
rest=$(free_port) node=$(free_port)
cat > orthanc.json << END
{"StorageDirectory": "orthanc", "IndexDirectory": "orthanc", "HttpPort": $rest, "DicomPort": $node, "DicomAet": "ORTHANC",
 "RemoteAccessAllowed": false, "AuthenticationEnabled": false, "DicomAlwaysAllowStore": true, "UnknownSopClassAccepted": true, "Plugins": ["$plugin"]}
END
"$orthanc" orthanc.json > orthanc.log 2>&1 & servers+=($!)
wait_for "$rest" && wait_for "$node" || { cat orthanc.log; exit 1; }
for file in hippocampus/series/*; do curl -sf -o log --data-binary "@$file" "http://127.0.0.1:$rest/instances"; done
series=$(curl -sf "http://127.0.0.1:$rest/series" | tr -d '[]" \n')
curl -sf -o fetched.zip "http://127.0.0.1:$rest/series/$series/archive"
for kind in binary labelmap rtstruct; do
  for to in "ORTHANC@127.0.0.1:$node" "http://127.0.0.1:$rest/dicom-web"; do
    send "$kind" --send_to "$to" || { cat log; exit 1; }
    "$python" "$here/dicom_writing.py" archived "$kind.dcm" hippocampus/series "http://127.0.0.1:$rest"
  done
done
echo "ok: Orthanc has the objects in the study of their source series, which they refer to"

model=$here/../../../shared/reference-v2/run/models/Dataset004_Hippocampus/nnUNetTrainer_5epochs__nnUNetPlansNarrow__3d_fullres
[ -d "$model" ] || { echo "NOT TESTED: segmenting what was fetched from Orthanc, without $model"; exit 0; }
for to in "ORTHANC@127.0.0.1:$node" "http://127.0.0.1:$rest/dicom-web"; do
  "$nnunet" predict --model "$model" --input fetched.zip --output fetched.dcm --dicom_seg binary --overwrite --send_to "$to" > log 2>&1 ||
    { cat log; exit 1; }
  "$python" "$here/dicom_writing.py" archived fetched.dcm hippocampus/series "http://127.0.0.1:$rest"
done
echo "ok: a series that Orthanc had is fetched, segmented and sent back by C-STORE and STOW-RS"
