#!/usr/bin/env bash
# Installs what `make fuzz` and `make tsan` need beside scripts/setup.sh: clang with libFuzzer, its sanitizers and its
# OpenMP library, whose Archer tool tells ThreadSanitizer of OpenMP's locks. Does nothing where they are.
set -euo pipefail
VERSION=19
PACKAGES=("clang-$VERSION" "libclang-rt-$VERSION-dev" "libomp-$VERSION-dev" "llvm-$VERSION")

missing=()
for package in "${PACKAGES[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ "${#missing[@]}" -eq 0 ] && exit 0
printf 'setup: installing %s\n' "${missing[*]}"
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
