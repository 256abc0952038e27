#!/usr/bin/env bash
# Builds the rooms without torch, and their tests, with clang's ThreadSanitizer and runs them. (libtorch comes without
# the instrumentation, so of its threads nothing could be said.) libomp's Archer tells it of OpenMP's locks and barriers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cmake --preset tsan > /dev/null
cmake --build --preset tsan --parallel "${JOBS:-$(nproc)}"
export OMP_TOOL_LIBRARIES=/usr/lib/llvm-19/lib/libarcher.so
export TSAN_OPTIONS="halt_on_error=0 ignore_noninstrumented_modules=1 external_symbolizer_path=/usr/lib/llvm-19/bin/llvm-symbolizer"
failed=()
for test in core io http download dicom dicom_out preprocess data native serve client infer; do
  log=build-tsan/test_$test.log
  # gRPC's library hands calls from thread to thread by locks that are not instrumented either.
  build-tsan/bin/"test_$test" --gtest_filter=-Grpc.* > "$log" 2>&1 || failed+=("$test")
  printf 'test_%s: %s, %s reports\n' "$test" "$(tail -n 1 "$log")" "$(grep -c 'WARNING: ThreadSanitizer' "$log" || true)"
done
[ "${#failed[@]}" -eq 0 ] || { printf 'failed: %s (build-tsan/test_NAME.log)\n' "${failed[*]}"; exit 1; }
