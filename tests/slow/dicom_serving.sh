#!/usr/bin/env bash
# DICOM series segmented by nnunet serve, sent by curl, nnunet client and dicomweb-client as zip, folder, form and
# multipart/related: label maps and objects are those of nnunet predict. What is no series is refused, and nothing of a
# study is left.
#   PEER=folder    as dicom_peers.bash says
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
root=$(realpath "$here/../..")
nnunet=$(realpath "${NNUNET:-$root/build/bin/nnunet}")
data=$(realpath -m "${DATA:-$root/../shared/data}") models=$(realpath -m "$root/../shared/reference-v2/run/models")
[ -d "$data" ] && [ -d "$models" ] || { echo "SKIPPED: no images in $data, or no models in $models"; exit 0; }
. "$here/server.bash"
. "$here/dicom_peers.bash"
python=$(realpath -s "$peer/bin/python")
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"
quiet() { "$@" > log 2>&1 || { cat log; exit 1; }; }
fail() { echo "FAILED: $*" >&2; exit 1; }
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-2}

quiet "$python" "$here/dicom_writing.py" make . "$data"
zipped() { (cd "$1" && "$python" -m zipfile -c "$work/$2" .); }  # FOLDER ZIP
zipped hippocampus/series hippocampus.zip
mkdir both && cp -r hippocampus/series both/mr && cp -r body/series both/ct
zipped both both.zip
zipped "$data/dicom_ct" ct.zip

hippocampus=$models/Dataset004_Hippocampus/nnUNetTrainer_5epochs__nnUNetPlansNarrow__3d_fullres
body=$models/Dataset021_BodyCT/nnUNetTrainerNoMirroring__nnUNetPlansNarrow__3d_fullres
predict() { quiet "$nnunet" predict --gpus 0 "$@"; }
predict --model "$hippocampus" --input hippocampus.zip --output expected
predict --model "$body" --folds all --input ct.zip --output expected_ct
expected=$(ls expected/*.nii.gz) expected_ct=$(ls expected_ct/*.nii.gz)
uid=$(basename "$expected" .nii.gz)

for labels in other=hippocampus/labels.json hippocampus/labels.json mr=hippocampus/labels.nii.gz; do
  if "$nnunet" serve --gpus 0 --port 0 --grpc_port -1 --model mr="$hippocampus" --labels_json "$labels" > log 2>&1; then fail "--labels_json $labels is taken"; fi
  grep -qE -- "--labels_json|labels.nii.gz" log || fail "$(cat log)"
done

mkdir temporary
TMPDIR=$work/temporary start_server server.log --model mr="$hippocampus" --model ct="$body" --labels_json mr=hippocampus/labels.json --grpc_port -1 --access_log access.log
post() { curl -sS -o answer -w '%{http_code}' "$@"; }
segmented() { # NAME EXPECTED CURL_OPTIONS...
  local name=$1 expected=$2 status
  shift 2
  status=$(post "$@")
  [ "$status" = 200 ] || fail "$name: $status $(head -c 400 answer)"
  cmp answer "$expected" || fail "$name: another label map than predict's"
}
segmented "a zip" "$expected" --data-binary @hippocampus.zip "$url/v1/segment/mr"
segmented "a zip in a form" "$expected" -F file=@hippocampus.zip "$url/v1/segment/mr"
form=()
for file in hippocampus/series/*; do form+=(-F "file=@$file"); done
segmented "the files in a form" "$expected" "${form[@]}" "$url/v1/segment/mr"
{ for file in hippocampus/series/*; do printf -- '--limit\r\nContent-Type: application/dicom\r\n\r\n'; cat "$file"; printf '\r\n'; done
  printf -- '--limit--\r\n'; } > related
segmented "multipart/related" "$expected" --data-binary @related -H 'Content-Type: multipart/related; type="application/dicom"; boundary=limit' "$url/v1/segment/mr"
segmented "one of two series" "$expected" --data-binary @both.zip "$url/v1/segment/mr?dicom_series=$uid"
segmented "a real CT" "$expected_ct" --data-binary @ct.zip "$url/v1/segment/ct"
echo "ok: label maps that curl gets are predict's, byte for byte"

mkdir of_series
cp "$expected" of_series/labels.nii.gz
for kind in binary labelmap; do
  [ "$(post --data-binary @hippocampus.zip "$url/v1/segment/mr?dicom_seg=$kind")" = 200 ] || fail "$kind: $(head -c 400 answer)"
  mv answer "of_series/$kind.dcm"
  grep -q "Läsion" "of_series/$kind.dcm" || fail "$kind: labels without the names of labels.json"
done
"$python" "$here/dicom_writing.py" predicted of_series
[ "$(post --data-binary @hippocampus.zip "$url/v1/segment/mr?dicom_seg=rtstruct")" = 200 ] || fail "rtstruct: $(head -c 400 answer)"
[ "$(post --data-binary @hippocampus.zip -H 'Accept: application/dicom' "$url/v1/segment/mr")" = 200 ] || fail "Accept: $(head -c 400 answer)"
[ "$(post --data-binary @related -D headers -H 'Content-Type: multipart/related; type="application/dicom"; boundary=limit' "$url/dicom-web/mr/studies")" = 200 ] ||
  fail "dicom-web: $(head -c 400 answer)"
"$python" - << 'END'
import email.parser, pathlib
head = next(line for line in open("headers") if line.lower().startswith("content-type:"))
message = email.parser.BytesParser().parsebytes(head.encode() + b"\r\n" + pathlib.Path("answer").read_bytes())
[part] = message.get_payload()
assert message.get_content_type() == "multipart/related" and part.get_content_type() == "application/dicom"
start = pathlib.Path("answer").read_bytes().index(b"\r\n\r\n") + 4
stop = pathlib.Path("answer").read_bytes().rindex(b"\r\n--")
pathlib.Path("of_series/binary.dcm").write_bytes(pathlib.Path("answer").read_bytes()[start:stop])
END
"$python" "$here/dicom_writing.py" predicted of_series
echo "ok: objects that curl gets have the labels of predict's label map, read by highdicom"

predict --model "$hippocampus" --input hippocampus.zip --output predicted.dcm --dicom_seg binary --labels_json hippocampus/labels.json
"$python" "$here/dicom_web_client.py" "$url/dicom-web/mr" hippocampus/series predicted.dcm

[ "$(post --data-binary @hippocampus.zip "$url/v1/image")" = 200 ] || fail "image: $(head -c 400 answer)"
quiet "$nnunet" dicom hippocampus.zip --output images
cmp answer images/*.nii.gz || fail "another image than nnunet dicom writes"
echo "ok: a study's image is the one that nnunet dicom writes"

client() { quiet "$nnunet" client --url "$url" --model "$@"; }
for input in hippocampus.zip hippocampus/series; do
  output=by_client_$(basename "$input" .zip)
  client mr --input "$input" --output "$output"
  cmp "$output/$uid.nii.gz" "$expected" || fail "client, $input: another label map than predict's"
done
client mr --input hippocampus.zip --output by_client_hippocampus
grep -q '0 images segmented, 1 kept' log || fail "the client makes a label map again: $(cat log)"
client mr --input both.zip --dicom_series "$uid" --output one.nii.gz
cmp one.nii.gz "$expected"
client ct --input "$data/dicom_ct" --output by_client_ct
cmp by_client_ct/*.nii.gz "$expected_ct" || fail "client, CT: another label map than predict's"
for kind in binary labelmap; do
  client mr --input hippocampus/series --output "objects_$kind" --dicom_seg "$kind" --anonymous
  cp "objects_$kind/$uid.dcm" "of_series/$kind.dcm"
  ! grep -q "Jörg" "objects_$kind/$uid.dcm" || fail "an anonymous object has the patient's name"
done
"$python" "$here/dicom_writing.py" predicted of_series
echo "ok: the client's label maps and objects, too"

refused() { # STATUS REASON CURL_OPTIONS...
  local status=$1 reason=$2 got
  shift 2
  got=$(post "$@")
  [ "$got" = "$status" ] && grep -q "$reason" answer || fail "$reason: $got $(head -c 400 answer)"
}
refused 400 "dicom_series=UID" --data-binary @both.zip "$url/v1/segment/mr"
refused 400 "is not in the study" --data-binary @both.zip "$url/v1/segment/mr?dicom_series=1.2.3"
head -c 20000 hippocampus.zip > cut.zip
refused 400 "study.zip" --data-binary @cut.zip "$url/v1/segment/mr"
echo "no DICOM" > text && "$python" -m zipfile -c text.zip text
refused 400 "no DICOM series" --data-binary @text.zip "$url/v1/segment/mr"
cp -r hippocampus/series gap && rm gap/0005.dcm gap/0011.dcm && zipped gap gap.zip
refused 400 "missing" --data-binary @gap.zip "$url/v1/segment/mr"
"$python" - << 'END'
import zipfile
with zipfile.ZipFile("bomb.zip", "w", zipfile.ZIP_DEFLATED) as bomb:
    with bomb.open("zeros", "w") as entry:
        for _ in range(64): entry.write(bytes(16 << 20))  # 1 GiB
END
refused 413 "unpacks to" --data-binary @bomb.zip "$url/v1/segment/mr"
client_fails() { if "$nnunet" client --url "$url" --model "$@" > log 2>&1; then fail "the client should fail: $*"; fi; }
client_fails mr --input both.zip --output several
grep -q -- "--dicom_series" log || fail "$(cat log)"
client_fails mr --input gap.zip --output gaps
grep -q "missing" log || fail "$(cat log)"
[ ! -e several ] && [ ! -e gaps ] || fail "a refused study leaves an output"
echo "ok: what is no series is refused with the reason"

kill "$server"
wait "$server" || true
server=
[ -z "$(ls -A temporary)" ] || fail "the server leaves $(ls temporary)"
! grep -qiE "Jörg|Müller|series|\.dcm|$uid" access.log || fail "the access log tells too much: $(head -n 3 access.log)"
echo "ok: nothing of a study is left, and the log says nothing of it"
