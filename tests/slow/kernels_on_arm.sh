#!/usr/bin/env bash
# The kernels on another processor: compiled for 64-bit ARM (NEON), their tests run in qemu.
set -euo pipefail
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
. "$here/../../scripts/packages.bash"
need aarch64-linux-gnu-g++ g++-aarch64-linux-gnu
need qemu-aarch64-static qemu-user-static
install_needed
root=$(realpath "$here/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

gtest=/usr/src/googletest/googletest  # of libgtest-dev
options=(-std=c++20 -O2 -fopenmp -Wall -Wextra -DFMT_HEADER_ONLY -DSPDLOG_HEADER_ONLY -DSPDLOG_FMT_EXTERNAL
         -I"$root/include" -I"$root/src" -I"$root/tests" -I"$gtest/include" -I"$gtest" -idirafter /usr/include)

# compile SOURCE: multiply-adds are fused where CMakeLists.txt says so.
compile() {
  local contract=off
  case "$1" in */winograd_*.cpp | */direct_portable.cpp) contract=fast ;; esac
  aarch64-linux-gnu-g++ "${options[@]}" "-ffp-contract=$contract" -c "$1" -o "$(basename "$1").o"
}

sources=("$root"/src/core/*.cpp "$root"/src/kernels/*.cpp "$root"/src/kernels/cpu/*.cpp "$gtest"/src/gtest-all.cc
         "$gtest"/src/gtest_main.cc)
for test in "$root"/tests/kernels/test_*.cpp; do
  [[ "$test" == *test_cuda* ]] || sources+=("$test")
done
jobs=()
for source in "${sources[@]}"; do
  compile "$source" &
  jobs+=($!)
  [ "${#jobs[@]}" -lt "$(nproc)" ] || { wait "${jobs[0]}"; jobs=("${jobs[@]:1}"); }
done
for job in "${jobs[@]}"; do wait "$job"; done
aarch64-linux-gnu-g++ -fopenmp ./*.o -o kernels_on_arm
qemu-aarch64-static -L /usr/aarch64-linux-gnu ./kernels_on_arm --gtest_brief=1
