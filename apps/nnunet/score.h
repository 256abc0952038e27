#pragma once
#include "options/score.h"

namespace nnunet::app {

/// Throws Error where they cannot be written: found out before an hour of work, not after it.
void require_writable(const ScoreFiles& files);

/// Scores, prints the table, writes the files. Throws Error at the end for cases that could not be scored.
void score_and_report(const ScoreOptions& options, const ScoreFiles& files);

}  // namespace nnunet::app
