#!/usr/bin/env bash
# The losses along the reference's optimizers in double precision, for its large networks too (about ten minutes).
#   tests/slow/reference_trajectories.sh [PROGRAM]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
NNUNET_SLOW_TESTS=1 "${1:-build/bin/test_train}" --gtest_filter='All/InDouble.*'
