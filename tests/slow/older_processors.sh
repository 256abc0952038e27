#!/usr/bin/env bash
# All of scripts/older_processors.sh; CI runs the quick part of it.
exec "$(dirname "${BASH_SOURCE[0]}")/../../scripts/older_processors.sh"
