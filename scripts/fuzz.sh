#!/usr/bin/env bash
# Builds the fuzz targets (clang, AddressSanitizer, UndefinedBehaviorSanitizer) and runs each for FUZZ_SECONDS.
#   FUZZ_SECONDS=600 scripts/fuzz.sh [TARGET...]      all of them without names
# What is found lies in build-fuzz/found/TARGET; mended, it goes into fuzz/corpus/TARGET as found_*.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${FUZZ_SECONDS:-600}
cmake --preset fuzz > /dev/null
cmake --build --preset fuzz --parallel "${JOBS:-$(nproc)}"
if [ "$#" -gt 0 ]; then targets=("$@"); else targets=($(ls fuzz/corpus)); fi
export ASAN_SYMBOLIZER_PATH=/usr/lib/llvm-19/bin/llvm-symbolizer UBSAN_OPTIONS=print_stacktrace=1
export LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp
failed=()
for target in "${targets[@]}"; do
  mkdir -p "build-fuzz/found/$target" "build-fuzz/corpus/$target"
  printf '=== %s\n' "$target"
  # What new inputs teach is kept in build-fuzz/corpus for the next run.
  build-fuzz/bin/"fuzz_$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2560 -max_len=65536 \
    -print_final_stats=1 -artifact_prefix="build-fuzz/found/$target/" \
    "build-fuzz/corpus/$target" "fuzz/corpus/$target" > "build-fuzz/$target.log" 2>&1 || failed+=("$target")
  grep -E '^(stat::(number_of|average|peak)|SUMMARY|==[0-9]+==ERROR)|^#[0-9]+.*DONE' "build-fuzz/$target.log" || true
done
[ "${#failed[@]}" -eq 0 ] || { printf 'findings: %s (build-fuzz/NAME.log)\n' "${failed[*]}"; exit 1; }
