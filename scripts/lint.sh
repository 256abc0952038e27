#!/usr/bin/env bash
# What CI checks without running anything: every C++ file is formatted as .clang-format says (Debian's clang-format 14:
# others break lines elsewhere), and clang-tidy (.clang-tidy: a few checks that find faults) has nothing to say about
# the lowest rooms. Installs the two where they are missing.
#   scripts/lint.sh [FILE...]     only these files of src are tidied; --format: the format alone
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/packages.bash
TIDY=19
need_package clang-format-14
[ "${1:-}" = --format ] || need_package "clang-tidy-$TIDY" "libomp-$TIDY-dev"
install_needed

git ls-files -z '*.cpp' '*.h' '*.cu' '*.cuh' | xargs -0 clang-format-14 --dry-run -Werror ||
  { echo "lint: format them: clang-format-14 -i FILE" >&2; exit 1; }
echo "lint: formatted"
[ "${1:-}" != --format ] || exit 0

[ -e build/compile_commands.json ] || { echo "lint: make build first: clang-tidy asks build/compile_commands.json how files are compiled" >&2; exit 1; }
files=("$@")
# The lowest rooms: their files take seven seconds each, so that CI stays below its limit; those with torch half a minute.
[ "${#files[@]}" -gt 0 ] || mapfile -t files < <(git ls-files src/core src/io src/download src/plan src/preprocess src/eval | grep '\.cpp$')
# clang cannot read GCC's precompiled headers: each file is tidied with the headers that it names itself.
mkdir -p build/lint
sed -E 's/ -Winvalid-pch -include [^ "]+cmake_pch\.hxx//g' build/compile_commands.json > build/lint/compile_commands.json
printf '%s\0' "${files[@]}" | xargs -0 -P "${JOBS:-$(nproc)}" -n 4 "clang-tidy-$TIDY" -p build/lint --quiet --warnings-as-errors='*' \
  2> >(grep -vE '^\[[0-9]+/|^[0-9]+ warnings generated' >&2) ||
  { echo "lint: clang-tidy found something" >&2; exit 1; }
echo "lint: ${#files[@]} files tidied"
