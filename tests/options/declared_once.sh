#!/usr/bin/env bash
# Names of options that are declared more than once in the commands' blocks, and declarations beside them: none.
set -euo pipefail
cd "$(dirname "$0")/../../apps/nnunet"
declared=$(cat options/*.cpp options/shared_options.h | tr -d '\n' |
  grep -oE '[oO]ption(<[^"<>]*(<[^"<>]*>)?>)? *[({] *"--[a-z0-9_]+"' | grep -oE '"--[a-z0-9_]+"' | sort)
twice=$(uniq -d <<< "$declared")
elsewhere=$(grep -rnE 'add_(option|flag)' --include='*.cpp' --include='*.h' . | grep -v '^./options/parser.cpp:' || true)
echo "$(wc -l <<< "$declared") options declared; more than once: ${twice:-none}; outside the blocks: ${elsewhere:-none}"
[[ -z $twice && -z $elsewhere && $(wc -l <<< "$declared") -gt 100 ]]
