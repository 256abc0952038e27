#!/usr/bin/env bash
# The program on processors without AVX-512 (Haswell: AVX2) and without AVX (Nehalem: SSE4.2), emulated by QEMU's user
# mode, whatever this machine has: tests of the kernels, of the native engine and of the command line, and a small job
# from raw images to label maps. x86-64 machines only.
#   scripts/older_processors.sh [--quick]      all, or what CI has time for (under 3 minutes on two cores)
# BUILD=build: the build folder. An execve leaves the emulator, so each program that computes is started by it directly.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/packages.bash

BUILD=${BUILD:-build}
quick=false
case "${1:-}" in
  "") ;;
  --quick) quick=true ;;
  *) echo "usage: scripts/older_processors.sh [--quick]" >&2; exit 2 ;;
esac
if [ "$(uname -m)" != x86_64 ]; then echo "older_processors: skipped: this is not an x86-64 machine"; exit 0; fi
need qemu-x86_64 qemu-user
install_needed

emulator=$(command -v qemu-x86_64)
bin=$(realpath "$BUILD/bin")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

if $quick; then
  kernels='Passes.*:Half.*:WinogradFusion.*:*Direct*/strided:*Direct*/volume:*Direct*/transposed:*Direct*/first_four:*Direct*/last:Cases/Winograd.MeetsTheDefinition/?:Cases/Winograd.MeetsTheDefinitionInBfloat16/5'
  native='NativeNetwork.BatchNorm*:NativeNetwork.SeesWeights*:InstanceNormAct.AgreesWithTorchInDoublePrecision'
  commands=''
else
  # Left out: DigitsDoNotDependOnThreads (a sweep of threads, which says nothing of an instruction set), two large sizes
  # (minutes each, emulated) and what needs a GPU.
  kernels='-*DigitsDoNotDependOnThreads*:*many_channels:*Winograd.*/10:*Cuda*'
  native='All/Native.*:NativeNetwork.*:InstanceNormAct.*-*OnAGpu*:*DigitsDoNotDependOnTheThreads'
  commands='Cli.MainJob*:Cli.EvaluatePredictAndScore:Cli.Resume*:Cli.AmpWithout*:Cli.OneBad*:Cli.BadOptions*'
fi

# Runs a program on the emulated processor `cpu`. Left out of standard error: QEMU's list, for each process, of CPUID
# bits that it does not emulate, and libtorch's word that NNPACK wants AVX2.
emulate() {
  "$emulator" -cpu "$cpu" "$@" 2> >(grep -v -e "warning: TCG doesn't support requested feature" -e 'Could not initialize NNPACK' >&2)
}

# The dynamic linker's view of the processor, which is not ours: what every program there would see.
check_processor() {  # EXPECTED: avx2 or portable
  local linker seen=portable
  linker=$(emulate /lib64/ld-linux-x86-64.so.2 --help)
  ! grep -q 'x86-64-v4 (supported' <<< "$linker" || { echo "error: the emulated $cpu has AVX-512"; exit 1; }
  ! grep -q 'x86-64-v3 (supported' <<< "$linker" || seen=avx2
  [ "$seen" = "$1" ] || { echo "error: the emulated $cpu has $seen, not $1"; exit 1; }
  echo "=== $cpu: $1, no AVX-512"
}

tests() {  # PROGRAM FILTER
  echo "--- $cpu: $1 $2"
  emulate "$bin/$1" --gtest_brief=1 --gtest_filter="$2"
}

# Raw images to label maps; every command by the emulator itself.
job() {
  local to=$folder/$cpu network=(--filters 8 16 --depth 1)
  echo "--- $cpu: phantom, preprocess, train, predict, score"
  emulate "$bin/nnunet" phantom --output "$to/data" --cases 5 --test_cases 1 --seed 3
  emulate "$bin/nnunet" preprocess --data "$to/data" --results "$to/prepared" --task 99 --dim 3 --patch_size 16 16 16 \
    --spacing 5 5 5 --quiet
  emulate "$bin/nnunet-engine" train --data "$to/prepared" --results "$to/results" --task 99 --gpus 0 --amp \
    --max_epochs 1 --train_batches 2 --test_batches 1 "${network[@]}"
  emulate "$bin/nnunet-engine" predict --gpus 0 --ckpt_path "$to/results/checkpoints/best.ckpt" \
    --input "$to/data/Task99_Phantom/imagesTs" --output "$to/maps"
  emulate "$bin/nnunet" score --preds "$to/maps" --lbls "$to/data/Task99_Phantom/labelsTs"
}

for pair in Haswell:avx2 Nehalem:portable; do
  cpu=${pair%:*} isa=${pair#*:}
  check_processor "$isa"
  tests test_kernels "$kernels"
  tests test_core 'Cpu.*:Vectorized.*'
  tests test_network "$native"
  chosen=$(emulate "$bin/nnunet-engine" info --machine | sed -n 's/^chosen: //p')
  [ "$chosen" = "$isa" ] || { echo "error: the program takes $chosen on a $cpu"; exit 1; }
  job
  [ -n "$commands" ] || continue
  echo "--- $cpu: the command line's tests"
  NNUNET_EMULATOR="$emulator -cpu $cpu" "$bin/test_cli" --gtest_brief=1 --gtest_filter="$commands"
done
echo "older processors: passed"
