#!/usr/bin/env bash
# Installs what `make fuzz` and `make tsan` need beside scripts/setup.sh: clang with libFuzzer, its sanitizers and its
# OpenMP library, whose Archer tool tells ThreadSanitizer of OpenMP's locks. Does nothing where they are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/packages.bash
VERSION=19
need_package "clang-$VERSION" "libclang-rt-$VERSION-dev" "libomp-$VERSION-dev" "llvm-$VERSION"
install_needed
