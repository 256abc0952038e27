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
mkdir -p "$root"
cp -a --parents "$prefix" "$root"

libraries() { ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u; }

: > "$root/packages"
for library in $(libraries "$prefix"/bin/* "$prefix"/lib/libnnunet.so); do
  case "$library" in
    "$prefix"/*) ;;
    "$venv"/*) cp -L --parents "$library" "$root" ;;
    *) dpkg-query -S "*/$(basename "$library")" | grep -v -- '-dev' | head -1 | cut -d: -f1 >> "$root/packages" ;;
  esac
done
# Libraries that those of CUDA load by name.
for folder in "$venv"/lib/python3*/site-packages/nvidia; do
  if [ -d "$folder" ]; then find "$folder" -name '*.so*' -exec cp -a --parents {} "$root" \;; fi
done
sort -u -o "$root/packages" "$root/packages"
