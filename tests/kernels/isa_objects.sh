#!/usr/bin/env bash
# isa_objects.sh OBJECT..: nothing that the linker may choose for everyone lies in an object compiled for an instruction
# set. An inline function of a header, or an instance of a template, that was compiled there would run on processors
# that lack the set.
set -euo pipefail
bad=0 seen=0
for object in "$@"; do
  case "$(basename "$object")" in *_avx*) ;; *) continue ;; esac
  seen=$((seen + 1))
  # W, V, u: weak and unique symbols; T, D, B: what others may call or read. Each object has one: its table, data.
  while read -r kind name; do
    case "$kind $name" in
      [RD]\ *direct_avx*|[RD]\ *winograd_avx*) ;;
      V\ DW.ref.*) ;;
      *) echo "$object: $kind $name"; bad=1 ;;
    esac
  done < <(nm --defined-only "$object" | awk '$2 ~ /^[WVuTDBRiI]$/ { print $2, $3 }' | c++filt)
done
[ "$seen" -ge 6 ] || { echo "only $seen objects of an instruction set were found"; exit 1; }
[ "$bad" -eq 0 ] || { echo "these can be taken for code that every processor runs"; exit 1; }
echo "$seen objects hold nothing but their tables"
