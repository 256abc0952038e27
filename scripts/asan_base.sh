#!/usr/bin/env bash
# The part of `make asan` that CI runs: the readers of files and the fuzz targets' corpus under AddressSanitizer and
# UndefinedBehaviorSanitizer, in a small build folder of their own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cmake --preset asan-base > /dev/null
cmake --build --preset asan-base --parallel "${JOBS:-$(nproc)}"
ctest --test-dir build-asan-base --output-on-failure --parallel "${JOBS:-$(nproc)}"
