#!/usr/bin/env bash
# with_isa.sh ISA PROGRAM ARGUMENT..: the program held to that instruction set; 77 (skipped) where the processor lacks it.
set -euo pipefail
declare -A flag=([avx2]=avx2 [avx512]=avx512vl [avx512_bf16]=avx512_bf16)
isa=$1
shift
if [ "$isa" != portable ] && ! grep -qw "${flag[$isa]}" /proc/cpuinfo; then
  echo "skipped: this processor has no $isa"
  exit 77
fi
NNUNET_ISA=$isa exec "$@"
