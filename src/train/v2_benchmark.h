#pragma once
#include <filesystem>

#include "nnunet/train/history.h"
#include "training_job.h"

namespace nnunet {

/// benchmark_result.json of the trainers that measure: seconds of the fastest epoch, under a key for machine and
/// libraries beside which those of others are kept.
void write_benchmark_result(const std::filesystem::path& file, const History& history, const TrainingJob& job);

}  // namespace nnunet
