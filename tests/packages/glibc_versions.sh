#!/usr/bin/env bash
# Whether the programs and libraries of a tarball run on glibc 2.34 and with nothing else from outside: the newest
# versions of glibc's symbols that they name, and the libraries that they need.
#   glibc_versions.sh TARBALL [VERSION (2.34)]
set -euo pipefail
tarball=$(realpath "$1") newest=${2:-2.34}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -xzf "$tarball" -C "$work"
mapfile -t files < <(find "$work" -type f -exec sh -c 'head -c 4 "$1" | grep -q "^.ELF"' _ {} \; -print)
[ "${#files[@]}" -gt 1 ] || { echo "$tarball holds no programs"; exit 1; }

version_is_newer() { [ "$1" != "$2" ] && [ "$(printf '%s\n' "$1" "$2" | sort -V | tail -1)" = "$1" ]; }

wrong=0 top=0
for file in "${files[@]}"; do
  for version in $(objdump -T "$file" | grep -oE 'GLIBC_[0-9.]+' | cut -d_ -f2 | sort -uV); do
    if version_is_newer "$version" "$top"; then top=$version; fi
    version_is_newer "$version" "$newest" || continue
    echo "${file#"$work"/} needs glibc $version: $(objdump -T "$file" | awk -v v="GLIBC_$version" 'index($0, v ")") || index($0, v " ") { print $NF }' | xargs)"
    wrong=1
  done
  if objdump -p "$file" | grep -q RUNPATH; then  # it would hide the program's RPATH from the library's own needs
    echo "${file#"$work"/} has a search path of its own"
    wrong=1
  fi
  for library in $(objdump -p "$file" | awk '$1 == "NEEDED" { print $2 }'); do
    case $library in
      libc.so.6 | libm.so.6 | libdl.so.2 | libpthread.so.0 | librt.so.1 | libresolv.so.2 | ld-linux-x86-64.so.2) ;;
      *) find "$work" -name "$library" | grep -q . || { echo "${file#"$work"/} needs $library, which is not in the tarball"; wrong=1; } ;;
    esac
  done
done
echo "${#files[@]} programs and libraries; the newest symbols are of glibc $top"
exit "$wrong"
