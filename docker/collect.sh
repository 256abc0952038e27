#!/usr/bin/env bash
# What an installed nnunet needs to run, and nothing else:  collect.sh PREFIX VENV ROOT
#   ROOT/PREFIX     the programs, the library and their data
#   ROOT/VENV       the libraries of Python wheels among those (libtorch and what comes with it), under their own paths,
#                   where the programs look for them
#   ROOT/packages   the Debian packages of all other libraries, one a line
set -euo pipefail
prefix=$(realpath "$1") venv=$(realpath "$2") root=$3
rm -rf "$prefix/include" "$prefix/lib/cmake"
strip --strip-unneeded "$prefix"/bin/* "$prefix"/lib/libnnunet.so.*.*
mkdir -p "$root$prefix"
cp -a "$prefix/." "$root$prefix/"

libraries() { ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u; }

: > "$root/packages"
# The libraries of DICOM are loaded by name, where they are.
for library in $(libraries "$prefix"/bin/* "$prefix"/lib/libnnunet.so $(find "$prefix/lib" -name 'libnnunet_dicom*.so')); do
  case "$library" in
    "$prefix"/*) ;;
    "$venv"/*) install -D "$library" "$root$library" ;;
    *) dpkg-query -S "*/$(basename "$(dirname "$library")")/$(basename "$library")" | head -1 | cut -d: -f1 >> "$root/packages" ;;
  esac
done
# Libraries that those of CUDA load by name; libnvvm is the compiler's.
for folder in "$venv"/lib/python3*/site-packages/nvidia; do
  [ -d "$folder" ] || continue
  find "$folder" -name '*.so.*' ! -name 'libnvvm.so*' | while read -r library; do install -D "$library" "$root$library"; done
done
sort -u -o "$root/packages" "$root/packages"
