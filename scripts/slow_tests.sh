#!/usr/bin/env bash
# Runs every tests/slow/*.sh, what takes too long for every change, and counts the failures.
#   scripts/slow_tests.sh [NAME...]     only those
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ "$#" -gt 0 ]; then tests=("${@/#/tests/slow/}"); tests=("${tests[@]/%/.sh}"); else tests=(tests/slow/*.sh); fi
failed=()
for test in "${tests[@]}"; do
  printf '=== %s\n' "$test"
  start=$SECONDS
  "$test" || failed+=("$test")
  printf '=== %s s\n' "$((SECONDS - start))"
done
printf '%s of %s slow tests passed\n' "$((${#tests[@]} - ${#failed[@]}))" "${#tests[@]}"
[ "${#failed[@]}" -eq 0 ] || { printf 'failed: %s\n' "${failed[@]}"; exit 1; }
