#!/usr/bin/env bash
# What scripts/dist.sh made (dist/), installed and used where nothing else is: bare Debian 12 roots without compilers
# (debootstrap) and an empty virtual environment, as root. Each of them segments a DICOM series into objects. Prints the
# table of docs/packages.md.
#   DIST=folder   the products (default: dist, made when it lacks them)     MIRROR=address of Debian's archive
#   ROOT=folder   a bare root made before, which is copied
#   SERIES=folder a series of DICOM (default: ../shared/data/dicom_ct)      PEER=folder  as dicom_peers.bash says
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
top=$(realpath "$here/../..")
dist=${DIST:-$top/dist}
[ "$(id -u)" -eq 0 ] || { echo "SKIPPED: needs root, for debootstrap and chroot"; exit 0; }
. "$top/scripts/packages.bash"
need debootstrap debootstrap
need buildah buildah
need_package python3-venv
install_needed
ls "$dist"/nnunet-{torch,dicom}_*.deb "$dist"/nnunet-*.tar.gz "$dist"/nnunet_native-*.whl > /dev/null 2>&1 || "$top/scripts/dist.sh"
series=$(realpath "${SERIES:-$top/../shared/data/dicom_ct}")
[ -d "$series" ] || { series=; echo "NOT TESTED: DICOM, as there is no series in $top/../shared/data/dicom_ct"; }
work=$(mktemp -d)
trap 'for root in "$work"/*/; do umount -l "$root/dev" "$root/proc" 2> /dev/null || true; done; rm -rf --one-file-system "$work"' EXIT

quiet() { "$@" > "$work/log" 2>&1 || { cat "$work/log"; echo "failed: $*"; exit 1; }; }

# new_root NAME: a bare Debian 12, with /proc and /dev.
bare=${ROOT:-$work/bare}
[ -d "$bare/usr" ] || quiet debootstrap --variant=minbase bookworm "$bare" "${MIRROR:-http://deb.debian.org/debian}"
new_root() {
  cp -a "$bare" "$work/$1"
  cp /etc/resolv.conf "$work/$1/etc/resolv.conf"
  printf '#!/bin/sh\nexit 101\n' > "$work/$1/usr/sbin/policy-rc.d"
  chmod +x "$work/$1/usr/sbin/policy-rc.d"
  [ -z "$series" ] || cp -r "$series" "$work/$1/tmp/series"
  mount --bind /dev "$work/$1/dev"
  mount -t proc proc "$work/$1/proc"
}
# in_root NAME COMMAND: with nothing of our environment.
in_root() { env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}" chroot "$work/$1" /bin/bash -c "$2"; }
# files NAME: all paths in it but those of running apt, and the cache that fontconfig makes where it writes.
files() { in_root "$1" 'find / -xdev -path /proc -prune -o -path /dev -prune -o -path /run -prune -o -path /tmp -prune -o -path /products -prune -o -path "/var/lib/dpkg/*" -prune -o -path "/var/lib/apt/*" -prune -o -path "/var/cache/apt/*" -prune -o -path "/var/log/*" -prune -o -path /var/cache/ldconfig -prune -o -path /var/cache/fontconfig -prune -o -print' | sort; }
# start_time NAME PROGRAM, start_time_of PROGRAM: milliseconds of the fastest of 20 starts.
starts='for i in $(seq 20); do a=$(date +%s%N); "$0" --version > /dev/null; b=$(date +%s%N); echo $(((b - a) / 10000)); done'
fastest() { sort -n | head -1 | awk '{ printf "%.1f", $1 / 100 }'; }
start_time() { in_root "$1" "exec bash -c '$starts' $2" | fastest; }
start_time_of() { bash -c "$starts" "$1" | fastest; }
mib() { awk -v bytes="$1" 'BEGIN { printf "%.1f", bytes / 1048576 }'; }
size_of() { mib "$(stat -c %s "$1")"; }
rows=()

use='set -e; cd /tmp; rm -rf used; mkdir used; cd used
nnunet phantom --output data --cases 5 --test_cases 1 --seed 3 --n_jobs 1 > log 2>&1
nnunet preprocess --data data --results prepared --task 99 --dim 3 --patch_size 16 32 16 > log 2>&1'
predict='cd /tmp/used; nnunet predict --ckpt_path /tmp/last.ckpt --input data/Task99_Phantom/imagesTs --output maps --overlays > log 2>&1 || { cat log; exit 1; }
nnunet score --preds maps --lbls data/Task99_Phantom/labelsTs > log 2>&1; ls maps/*.png > /dev/null; sha256sum maps/*.nii.gz | cut -d" " -f1'

# A series is listed, segmented, and its objects belong to it. Prints the label map's digest; without a series nothing.
dicom='set -e; [ -d /tmp/series ] || exit 0; cd /tmp/used; rm -rf of_series; mkdir of_series; cd of_series
nnunet dicom /tmp/series > list 2> log; grep -qE " (CT|MR) " list || { cat list log; exit 1; }
segment() { nnunet predict --ckpt_path /tmp/last.ckpt --overlap 0 --input /tmp/series --output "$@" > log 2>&1 || { cat log; exit 1; }; }
segment labels.nii.gz
segment binary.dcm --dicom_seg binary
nnunet dicom-seg --labels labels.nii.gz --series /tmp/series --output labelmap.dcm --dicom_seg labelmap > log 2>&1 || { cat log; exit 1; }
nnunet dicom-seg --labels labels.nii.gz --series /tmp/series --output rtstruct.dcm --dicom_seg rtstruct > log 2>&1 || { cat log; exit 1; }
for file in binary labelmap rtstruct; do [ "$(tail -c +129 $file.dcm | head -c 4)" = DICM ] || { echo "$file.dcm is no DICOM"; exit 1; }; done
mkdir bad; head -c 3000 "$(ls -d /tmp/series/* | head -1)" > bad/cut.dcm
if nnunet dicom bad > log 2>&1 || ! grep -q "cut.dcm is left out: it is truncated" log; then cat log; exit 1; fi
if nnunet dicom-seg --labels labels.nii.gz --series /tmp/series --output sent.dcm --send_to PACS@127.0.0.1:1 > log 2>&1 || ! grep -q "cannot be reached" log; then cat log; exit 1; fi
sha256sum labels.nii.gz | cut -d" " -f1'
# same_labels FOLDER: highdicom reads the label map from both segmentations in it.
same_labels() {
  [ -n "$series" ] || return 0
  (
    root=$top
    . "$here/dicom_peers.bash"
    "$peer/bin/python" "$here/dicom_writing.py" predicted "$1"
  )
}

# Debian packages.
new_root debian
mkdir "$work/debian/products"
cp "$dist"/*.deb "$work/debian/products/"
[ -z "$(in_root debian 'command -v gcc cc g++ python3 cmake' || true)" ] || { echo "the bare root has compilers"; exit 1; }
# depends_of PACKAGE...: what they need of Debian's.
depends_of() { for package in "$@"; do dpkg-deb -f "$dist/${package}"_*.deb Depends; done | tr ',' '\n' | sed 's/^ *//' | grep -vE '^(lib)?nnunet' | sort -u | paste -sd,; }
quiet in_root debian 'apt-get update'
quiet in_root debian "apt-get satisfy -y --no-install-recommends '$(depends_of nnunet libnnunet)'"
quiet in_root debian 'dpkg -i /products/libnnunet_*.deb /products/nnunet_*.deb'
in_root debian 'nnunet train --help > /dev/null; ! nnunet train --data x 2>&1' | grep -q nnunet-engine
[ -z "$(in_root debian 'ls /usr/lib/x86_64-linux-gnu | grep -E "libgdcm|libdcm"' || true)" ] || { echo "nnunet brought libraries of DICOM"; exit 1; }
mkdir "$work/debian/tmp/empty"
in_root debian 'nnunet --version > /dev/null; ! nnunet dicom /tmp/empty 2>&1' > "$work/log" || { cat "$work/log"; exit 1; }
grep -q nnunet-dicom "$work/log" || { cat "$work/log"; echo "no word of the package nnunet-dicom"; exit 1; }
quiet in_root debian 'dpkg --purge nnunet libnnunet; rmdir /tmp/empty'
echo "ok: nnunet starts without the libraries of DICOM and names their package"
quiet in_root debian "apt-get satisfy -y --no-install-recommends '$(depends_of nnunet-dicom nnunet-torch)'"
files debian > "$work/before"
quiet in_root debian 'dpkg -i /products/libnnunet_*.deb /products/nnunet_*.deb /products/nnunet-dicom_*.deb'
in_root debian "$use"
quiet in_root debian 'dpkg -i /products/nnunet-torch_*.deb'
in_root debian 'cd /tmp/used; nnunet train --data prepared --results results --task 99 --gpus 0 --filters 8 16 --depth 1 --max_epochs 1 --train_batches 2 --test_batches 1 --num_workers 1 > log 2>&1 || { cat log; exit 1; }; cp results/checkpoints/last.ckpt /tmp'
in_root debian 'nnunet info --machine' > "$work/machine"
map=$(in_root debian "$predict")
series_map=$(in_root debian "$dicom")
same_labels "$work/debian/tmp/used/of_series"
in_root debian 'nnUNetv2=$(ls /usr/libexec/nnunet/v2 | wc -l); [ "$nnUNetv2" -gt 15 ]; /usr/libexec/nnunet/slicer/nnUNetPredict --xml | grep -q "</executable>"; test -s /usr/share/man/man1/nnunet.1'
for package in nnunet libnnunet nnunet-dicom nnunet-torch; do
  deb=$(echo "$dist/${package}"_*.deb)
  start=
  case $package in
    nnunet) start="$(start_time debian nnunet) ms" ;;
    nnunet-torch) start="$(start_time debian nnunet-engine) ms" ;;
  esac
  rows+=("| \`$(basename "$deb")\` | $(size_of "$deb") | $(mib "$(dpkg-deb -c "$deb" | awk '{ sum += $3 } END { print sum }')") | $start |")
done
quiet in_root debian 'dpkg --purge nnunet-torch nnunet nnunet-dicom libnnunet'
files debian > "$work/after"
diff "$work/before" "$work/after" || { echo "uninstalling left something"; exit 1; }
echo "ok: the Debian packages run in a bare root, with DICOM, and uninstalling leaves nothing"

# The tarball, with nothing but Debian's base.
"$top/tests/packages/glibc_versions.sh" "$dist"/nnunet-*-linux-x86_64.tar.gz
new_root tarball
mkdir "$work/tarball/opt/any where"
tar -xzf "$dist"/nnunet-*-linux-x86_64.tar.gz -C "$work/tarball/opt/any where"
cp "$work/debian/tmp/last.ckpt" "$work/tarball/tmp/"
folder="/opt/any where/$(basename "$dist"/nnunet-*-linux-x86_64.tar.gz .tar.gz)"
[ -z "$(in_root tarball "ldd '$folder/bin/nnunet' '$folder'/lib/*.so* | grep -E 'not found|libstdc'" || true)" ] || { echo "the tarball needs libraries"; exit 1; }
in_root tarball "PATH=\"\$PATH:$folder/bin\"; $use"
[ "$map" = "$(in_root tarball "PATH=\"\$PATH:$folder/bin\"; $predict")" ] || { echo "the tarball's label map is another one"; exit 1; }
[ "$series_map" = "$(in_root tarball "PATH=\"\$PATH:$folder/bin\"; $dicom")" ] || { echo "the tarball segments the series otherwise"; exit 1; }
same_labels "$work/tarball/tmp/used/of_series"
tarball=$(echo "$dist"/nnunet-*-linux-x86_64.tar.gz)
rows+=("| \`$(basename "$tarball")\` | $(size_of "$tarball") | $(mib "$(du -sb "$work/tarball$folder" | cut -f1)") | $(start_time tarball "'$folder/bin/nnunet'") ms |")
echo "ok: the tarball runs in a bare root, from a folder with a space, and its label maps are those of the packages"

# The container's recipe, built and run by buildah, which needs no daemon; the bare root stands for Debian's image.
mkdir "$work/images" "$work/context"
printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/graph"\nrunroot = "%s/run"\n' "$work/images" "$work/images" > "$work/images/storage.conf"
export CONTAINERS_STORAGE_CONF=$work/images/storage.conf BUILDAH_ISOLATION=chroot
base=$(buildah from scratch)
quiet buildah copy --quiet "$base" "$bare" /
quiet buildah commit --quiet "$base" docker.io/library/debian:bookworm-slim
quiet buildah rm "$base"
cp "$tarball" "$work/context/"
quiet buildah build --pull-never --network host -f "$top/docker/Dockerfile.small" -t nnunet:small "$work/context"
container=$(buildah from --pull-never nnunet:small)
[ "$(buildah inspect --format '{{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.User}} {{.OCIv1.Config.StopSignal}}' "$container")" = "[nnunet] 10001:10001 SIGTERM" ] ||
  { echo "the image starts something else"; exit 1; }
quiet buildah copy --quiet "$container" "$work/debian/tmp/last.ckpt" /tmp/last.ckpt
[ -z "$series" ] || quiet buildah copy --quiet "$container" "$series" /tmp/series
as_user() { buildah run --network host --env OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}" "$container" -- /bin/bash -c "$1"; }
[ "$(as_user 'id -u')" = 10001 ]
as_user "$use"
[ "$map" = "$(as_user "$predict")" ] || { echo "the container's label map is another one"; exit 1; }
[ "$series_map" = "$(as_user "$dicom")" ] || { echo "the container segments the series otherwise"; exit 1; }
as_user 'cd /tmp; nnunet serve --model m=/tmp/last.ckpt --port 18181 > serve.log 2>&1 & server=$!
for i in $(seq 100); do grep -q 18181 serve.log && break; sleep 0.2; done
nnunet client --url http://127.0.0.1:18181 --model m --input used/data/Task99_Phantom/imagesTs --output served > client.log 2>&1 || { cat serve.log client.log; kill $server; exit 1; }
kill -TERM $server; wait $server; cmp used/maps/*.nii.gz served/*.nii.gz'
image=$(mib "$(buildah images --json nnunet:small | grep -oE '"size": *"[^"]*"' | head -1 | grep -oE '[0-9.]+' | awk '{ printf "%d", $1 * 1000000 }')")
quiet buildah rm "$container"
echo "ok: the container's recipe makes an image (with Debian's base: $image MiB) in which nobody in particular predicts and serves"

# The wheel, in an empty virtual environment of this system.
wheel=$(echo "$dist"/nnunet_native-*.whl)
quiet python3 -m venv "$work/wheel"
quiet "$work/wheel/bin/pip" install "$wheel"
mkdir "$work/wheel/tmp"
[ -z "$series" ] || ln -s "$series" "$work/wheel/tmp/series"
cp "$work/debian/tmp/last.ckpt" "$work/wheel/tmp/"
# in_wheel COMMAND: with the environment's folder in place of /tmp.
in_wheel() { env -i PATH="$work/wheel/bin:/usr/bin:/bin" HOME=/root OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}" /bin/bash -c "${1//\/tmp/$work/wheel/tmp}"; }
in_wheel "$use"
[ "$map" = "$(in_wheel "$predict")" ] || { echo "the wheel's label map is another one"; exit 1; }
[ "$series_map" = "$(in_wheel "$dicom")" ] || { echo "the wheel segments the series otherwise"; exit 1; }
same_labels "$work/wheel/tmp/used/of_series"
libraries=$(find "$work"/wheel/lib/python3*/site-packages/nnunet_native/lib -name 'libnnunet_dicom*.so')
[ "$(wc -l <<< "$libraries")" -eq 2 ] || { echo "the wheel lacks a library of DICOM"; exit 1; }
# shellcheck disable=SC2086
! ldd $libraries | grep -E 'gdcm|dcmtk|libdcm|openjp|not found' || { echo "the wheel needs this system's libraries of DICOM"; exit 1; }
installed=$(du -scb "$work"/wheel/lib/python3*/site-packages/nnunet_native* | tail -1 | cut -f1)
rows+=("| \`$(basename "$wheel")\` | $(size_of "$wheel") | $(mib "$installed") | $(start_time_of "$work"/wheel/lib/python3*/site-packages/nnunet_native/bin/nnunet) ms |")
quiet "$work/wheel/bin/pip" uninstall -y nnunet-native
[ -z "$(find "$work"/wheel/lib/python3*/site-packages "$work/wheel/bin" -name 'nnunet*')" ] || { echo "uninstalling the wheel left something"; exit 1; }
echo "ok: the wheel runs in an empty environment, with DICOM, and uninstalling leaves nothing"

echo
echo "| product | MiB | MiB installed | start |"
echo "|---|---|---|---|"
printf '%s\n' "${rows[@]}"
cat "$work/machine"
