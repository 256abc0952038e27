#!/usr/bin/env bash
# What scripts/dist.sh made (dist/), installed and used where nothing else is: bare Debian 12 roots without compilers
# (debootstrap), as root. Prints the table of docs/packages.md.
#   DIST=folder   the products (default: dist, made when it lacks them)     MIRROR=address of Debian's archive
#   ROOT=folder   a bare root made before, which is copied
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
top=$(realpath "$here/../..")
dist=${DIST:-$top/dist}
[ "$(id -u)" -eq 0 ] || { echo "SKIPPED: needs root, for debootstrap and chroot"; exit 0; }
command -v debootstrap > /dev/null || { echo "SKIPPED: no debootstrap (apt-get install debootstrap)"; exit 0; }
ls "$dist"/nnunet-torch_*.deb "$dist"/nnunet-*.tar.gz > /dev/null 2>&1 || "$top/scripts/dist.sh"
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
  mount --bind /dev "$work/$1/dev"
  mount -t proc proc "$work/$1/proc"
}
# in_root NAME COMMAND: with nothing of our environment.
in_root() { env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}" chroot "$work/$1" /bin/bash -c "$2"; }
# files NAME: all paths in it but those of running apt.
files() { in_root "$1" 'find / -xdev -path /proc -prune -o -path /dev -prune -o -path /run -prune -o -path /tmp -prune -o -path /products -prune -o -path "/var/lib/dpkg/*" -prune -o -path "/var/lib/apt/*" -prune -o -path "/var/cache/apt/*" -prune -o -path "/var/log/*" -prune -o -path /var/cache/ldconfig -prune -o -path "/var/cache/fontconfig/*" -prune -o -print' | sort; }
# start_time NAME PROGRAM: milliseconds of the fastest of 20 starts.
start_time() { in_root "$1" "for i in \$(seq 20); do a=\$(date +%s%N); $2 --version > /dev/null; b=\$(date +%s%N); echo \$(((b - a) / 10000)); done" | sort -n | head -1 | awk '{ printf "%.1f", $1 / 100 }'; }
mib() { awk -v bytes="$1" 'BEGIN { printf "%.1f", bytes / 1048576 }'; }
size_of() { mib "$(stat -c %s "$1")"; }
rows=()

use='set -e; cd /tmp; rm -rf used; mkdir used; cd used
nnunet phantom --output data --cases 5 --test_cases 1 --seed 3 --n_jobs 1 > log 2>&1
nnunet preprocess --data data --results prepared --task 99 --dim 3 --patch_size 16 32 16 > log 2>&1'
predict='cd /tmp/used; nnunet predict --ckpt_path /tmp/last.ckpt --input data/Task99_Phantom/imagesTs --output maps --overlays > log 2>&1 || { cat log; exit 1; }
nnunet score --preds maps --lbls data/Task99_Phantom/labelsTs > log 2>&1; ls maps/*.png > /dev/null; sha256sum maps/*.nii.gz | cut -d" " -f1'

# Debian packages.
new_root debian
mkdir "$work/debian/products"
cp "$dist"/*.deb "$work/debian/products/"
[ -z "$(in_root debian 'command -v gcc cc g++ python3 cmake' || true)" ] || { echo "the bare root has compilers"; exit 1; }
depends=$(for deb in "$dist"/*.deb; do dpkg-deb -f "$deb" Depends; done | tr ',' '\n' | sed 's/^ *//' | grep -vE '^(lib)?nnunet' | sort -u | paste -sd,)
quiet in_root debian 'apt-get update'
quiet in_root debian "apt-get satisfy -y --no-install-recommends '$depends'"
files debian > "$work/before"
quiet in_root debian 'dpkg -i /products/libnnunet_*.deb /products/nnunet_*.deb'
in_root debian 'nnunet train --help > /dev/null; ! nnunet train --data x 2>&1' | grep -q nnunet-engine
in_root debian "$use"
quiet in_root debian 'dpkg -i /products/nnunet-torch_*.deb'
in_root debian 'cd /tmp/used; nnunet train --data prepared --results results --task 99 --gpus 0 --filters 8 16 --depth 1 --max_epochs 1 --train_batches 2 --test_batches 1 --num_workers 1 > log 2>&1 || { cat log; exit 1; }; cp results/checkpoints/last.ckpt /tmp'
in_root debian 'nnunet info --machine' > "$work/machine"
map=$(in_root debian "$predict")
in_root debian 'nnUNetv2=$(ls /usr/libexec/nnunet/v2 | wc -l); [ "$nnUNetv2" -gt 15 ]; /usr/libexec/nnunet/slicer/nnUNetPredict --xml | grep -q "</executable>"; test -s /usr/share/man/man1/nnunet.1'
for package in nnunet libnnunet nnunet-torch; do
  deb=$(echo "$dist/${package}"_*.deb)
  start=
  case $package in
    nnunet) start="$(start_time debian nnunet) ms" ;;
    nnunet-torch) start="$(start_time debian nnunet-engine) ms" ;;
  esac
  rows+=("| \`$(basename "$deb")\` | $(size_of "$deb") | $(mib "$(dpkg-deb -c "$deb" | awk '{ sum += $3 } END { print sum }')") | $start |")
done
quiet in_root debian 'dpkg --purge nnunet-torch nnunet libnnunet'
rm -rf "$work/debian/tmp/used/maps"
files debian > "$work/after"
diff "$work/before" "$work/after" || { echo "uninstalling left something"; exit 1; }
echo "ok: the Debian packages run in a bare root, and uninstalling leaves nothing"

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
tarball=$(echo "$dist"/nnunet-*-linux-x86_64.tar.gz)
rows+=("| \`$(basename "$tarball")\` | $(size_of "$tarball") | $(mib "$(du -sb "$work/tarball$folder" | cut -f1)") | $(start_time tarball "'$folder/bin/nnunet'") ms |")
echo "ok: the tarball runs in a bare root, from a folder with a space, and its label map is that of the packages"

# The container's recipe, step by step, since there is no daemon: its packages, the tarball, its user.
new_root container
sed -n '/^RUN apt-get/,/[^\\]$/p' "$top/docker/Dockerfile.small" | sed '1s/^RUN //' > "$work/container/tmp/steps.sh"
quiet in_root container 'bash -e /tmp/steps.sh'
tar -xzf "$tarball" -C "$work/container/opt"
link=$(sed -n 's/^RUN \(ln .*\)/\1/p' "$top/docker/Dockerfile.small")
in_root container "$link"
cp "$work/debian/tmp/last.ckpt" "$work/container/tmp/"
as_user() { env -i PATH=/usr/local/bin:/usr/bin:/bin OMP_NUM_THREADS=2 chroot --userspec=10001:10001 "$work/container" /bin/bash -c "$1"; }
as_user "$use"
[ "$map" = "$(as_user "$predict")" ] || { echo "the container's label map is another one"; exit 1; }
as_user 'cd /tmp; nnunet serve --model m=/tmp/last.ckpt --port 18181 > serve.log 2>&1 & server=$!
for i in $(seq 100); do grep -q 18181 serve.log && break; sleep 0.2; done
nnunet client --url http://127.0.0.1:18181 --model m --input used/data/Task99_Phantom/imagesTs --output served > client.log 2>&1 || { cat serve.log client.log; kill $server; exit 1; }
kill -TERM $server; wait $server; cmp used/maps/*.nii.gz served/*.nii.gz'
echo "ok: the container's steps give a root in which nobody in particular predicts and serves"

echo
echo "| product | MiB | MiB installed | start |"
echo "|---|---|---|---|"
printf '%s\n' "${rows[@]}"
