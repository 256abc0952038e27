#!/usr/bin/env bash
# Builds for the GPU of this machine, runs the tests that are skipped without one, and measures beside PyTorch:
#   scripts/gpu_check.sh
# It needs nvcc, CMake, ninja, g++ and a Python with a CUDA torch, but no network and no Debian packages where the folder
# that scripts/gpu_pack.sh made is at hand. It writes gpu_check.md (into $OUT where that is set, else here), the most
# important first and line by line, and ends within GPU_CHECK_SECONDS. Exit status: 0 when nothing failed; what was
# not reached in time is named in the file.
#   GPU_PACK=.deps/gpu_pack      the packed folder
#   GPU_CHECK_BUILD=build-gpu    the build's folder; kept, so that a second run only builds what is new
#   GPU_CHECK_SECONDS=470        the time for all
#   GPU_CHECK_DEVICE=cuda        cpu: a trial without a GPU, with small sizes; the GPU tests are then skipped
#   TORCH_PYTHON=python3         the Python that has torch
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${GPU_CHECK_SECONDS:-470}
# The whole runs under a limit of its own, in case a step cannot be ended by its own.
if [ -z "${GPU_CHECK_STARTED:-}" ]; then
  GPU_CHECK_STARTED=1 exec timeout --kill-after=4 "$((seconds + 4))" bash scripts/gpu_check.sh "$@"
fi

device=${GPU_CHECK_DEVICE:-cuda}
build=$(realpath -m "${GPU_CHECK_BUILD:-build-gpu}")
pack=${GPU_PACK:-.deps/gpu_pack}
python=${TORCH_PYTHON:-python3}
out=${OUT:-.}
report=$out/gpu_check.md
log=$out/gpu_check.log
failed=0
mkdir -p "$out" "$build"
: > "$report"
: > "$log"

child=
trap 'write "" "**Stopped** at the time limit."; [ -z "$child" ] || kill "$child"; exit 124' TERM

left() { echo $((seconds - SECONDS)); }
# Each argument a line.
write() { printf '%s\n' "$@" | tee -a "$report"; }
fail() { failed=1; write "$@"; }

# step LIMIT COMMAND...: at most so many seconds, and no longer than the whole may take. Waited for in a way that lets
# the trap above interrupt.
step() {
  local limit=$1
  shift
  [ "$limit" -lt "$(left)" ] || limit=$(left)
  [ "$limit" -gt 0 ] || return 124
  timeout --kill-after=3 "$limit" "$@" <&0 &
  child=$!
  wait "$child"
}

finish() {
  write "" "$([ "$failed" -eq 0 ] && echo "Nothing failed" || echo "**Something failed**"), after $SECONDS s."
  exit "$failed"
}

# last_lines FILE [PATTERN]: the end of a command's output, for the report.
last_lines() { write '' '```' "$(grep -E "${2:-.}" "$1" | tail -n 25 | cut -c1-300)" '```'; }

versions() {
  write "# GPU check" ""
  write "- $(date -u +%Y-%m-%dT%H:%MZ), $(nproc) cores: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)"
  if [ "$device" = cuda ]; then
    write "- GPU: $(nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader 2>&1 | head -1)"
    write "- $(nvcc --version 2>&1 | tail -n 2 | head -1)"
  else
    write "- no GPU: a trial run on the CPU, whose figures say nothing"
  fi
  write "- $(cmake --version 2>&1 | head -1), ninja $(ninja --version 2>&1), $(g++ --version 2>&1 | head -1)"
  local found
  if ! found=$(step 60 "$python" - "$device" 2>> "$log" <<'PYTHON'
import os, sys, torch
print(os.path.dirname(torch.__file__))
gpu = torch.cuda.get_device_capability() if sys.argv[1] == "cuda" else None
print("%d%d" % gpu if gpu else "none")
print("torch", torch.__version__, "CUDA", torch.version.cuda, "cuDNN", torch.backends.cudnn.version())
print(*(d for p in sys.path for d in [os.path.join(p, "nvidia")] if os.path.isdir(d)), sep=":")
PYTHON
  ); then
    fail "- $python has no torch, or sees no GPU:"
    last_lines "$log"
    finish
  fi
  { read -r torch_dir; read -r capability; read -r torch_version; read -r nvidia; } <<< "$found"
  write "- $torch_version"
}

# The packed prefix, and the headers of CUDA's other libraries where they come as wheels.
unpack() {
  if [ -f "$pack/deps.tar.gz" ]; then
    if ! [ "$build/deps" -nt "$pack/deps.tar.gz" ]; then
      rm -rf "$build/deps"
      tar -xzf "$pack/deps.tar.gz" -C "$build" && touch "$build/deps" || fail "- $pack/deps.tar.gz cannot be unpacked"
    fi
    prefix=$build/deps
    libraries=$(dirname "$(find "$prefix/lib" -name libcurl.so)")
    # RPATH, not RUNPATH: it holds for what the packed libraries need themselves, too.
    link="-Wl,--disable-new-dtags,-rpath,$libraries"
    export CPLUS_INCLUDE_PATH=$prefix/include
  fi
  local folder
  for folder in ${nvidia:+$(find ${nvidia//:/ } -maxdepth 2 -name include)}; do
    export CPLUS_INCLUDE_PATH=${CPLUS_INCLUDE_PATH:+$CPLUS_INCLUDE_PATH:}$folder
  done
}

configure() {
  local options=(-S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release "-DNNUNET_TORCH_DIR=$torch_dir"
                 "-DNNUNET_TEST_ROOMS=${rooms// /;}")
  [ -z "${prefix:-}" ] || options+=("-DCMAKE_PREFIX_PATH=$prefix" "-DCMAKE_EXE_LINKER_FLAGS=$link"
                                    "-DCMAKE_SHARED_LINKER_FLAGS=$link")
  [ "$device" = cpu ] || options+=("-DCMAKE_CUDA_ARCHITECTURES=$capability")
  step 90 cmake "${options[@]}"
}

build() {
  write "" "## Build" ""
  local start=$SECONDS
  if ! configure > "$build/configure.log" 2>&1; then
    cat "$build/configure.log" >> "$log"
    fail "CMake failed:"
    last_lines "$build/configure.log"
    finish
  fi
  write "- configured in $((SECONDS - start)) s: $(grep -E '^-- (torch|CUDA kernels)' "$build/configure.log" | sed 's/^-- //' | paste -sd';')"
  [ "$device" = cpu ] || grep -q "CUDA kernels: for" "$build/configure.log" || fail "- no kernels of our own: CMake found no nvcc"
  start=$SECONDS
  local targets=(nnunet_engine)
  for room in $rooms; do targets+=("test_$room"); done
  step "$((seconds - 150))" cmake --build "$build" --parallel "$(nproc)" --target "${targets[@]}" -- -k 0 > "$build/build.log" 2>&1
  local status=$?
  cat "$build/configure.log" "$build/build.log" >> "$log"
  write "- built ${targets[*]} in $((SECONDS - start)) s"
  if [ "$status" -eq 124 ]; then
    fail "- the build was not finished in time: $(grep -oE '^\[[0-9]+/[0-9]+\]' "$build/build.log" | tail -1)"
  elif [ "$status" -ne 0 ]; then
    fail "- the build failed:"
    last_lines "$build/build.log" 'FAILED|error|undefined'
  fi
}

# Each in a process of its own: after an error a GPU does nothing more for the process that made it.
tests() {
  write "" "## Tests that are skipped without a GPU" ""
  local room program test start status output=$build/test.log filter='*Gpu*:*GPU*'
  for room in $rooms; do
    program=$build/bin/test_$room
    if [ ! -x "$program" ]; then fail "- test_$room was not built"; continue; fi
    for test in $(step 60 "$program" --gtest_filter="$filter" --gtest_list_tests | awk '/^[^ ]/ { suite = $1 } /^ / { print suite $1 }'); do
      start=$SECONDS
      step 60 "$program" --gtest_filter="$test" > "$output" 2>&1
      status=$?
      cat "$output" >> "$log"
      if [ "$status" -ne 0 ]; then
        fail "- **$test failed** (status $status):"
        last_lines "$output"
      elif grep -q '^\[  SKIPPED \]' "$output"; then
        [ "$device" = cpu ] || failed=1
        write "- $test: skipped"
      else
        write "- $test: passed, $((SECONDS - start)) s"
      fi
    done
  done
}

benchmarks() {
  write "" "## Benchmarks" ""
  write "Medians of single steps. nnunet's have their loader in them, PyTorch's batch is there already. PyTorch searches for cuDNN's fastest algorithm." ""
  if [ ! -x "$build/bin/nnunet-engine" ]; then fail "nnunet-engine was not built"; return; fi
  step "$(left)" "$python" bench/gpu --engine "$build/bin/nnunet-engine" --python "$python" --device "$device" \
    --seconds "$(($(left) - 6))" --output "$report" --log "$log"
  local status=$?
  [ "$status" -eq 0 ] || fail "" "A row failed, or bench/gpu itself (status $status); gpu_check.log says why."
}

[ -x "$(command -v nvcc)" ] || PATH=$PATH:/usr/local/cuda/bin
# The rooms that have GPU tests.
rooms=$(grep -rlE 'GTEST_SKIP\(\) << "no GPU"' tests | cut -d/ -f2 | sort -u | paste -sd' ')
versions
unpack
build
tests
benchmarks
finish
