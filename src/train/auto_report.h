#pragma once
#include <filesystem>
#include <string>

#include "auto_decisions.h"
#include "auto_outcome.h"

/// What a run of `nnunet auto` leaves beside its models.
namespace nnunet {

/// Writes predict.sh, which makes label maps as the outcome says. Returns where it lies.
std::filesystem::path write_auto_script(const AutoRun& run, const AutoOutcome& outcome);

/// Writes curves.png and report.html. command: that predicts, for the reader to copy.
void write_auto_report(const AutoRun& run, const AutoTrainings& trainings, const AutoDecisions& decisions,
                       const AutoOutcome& outcome, const std::string& command);

}  // namespace nnunet
