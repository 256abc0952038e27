#pragma once
#include "nnunet/core/job.h"
#include "nnunet/infer/predictor.h"
#include "options/inference_options.h"

namespace nnunet::app {

/// Throws Error without a checkpoint (the reference would run random weights) and for several GPUs. Goes to the program
/// that has libtorch where it is needed.
void check_model_flags(const ModelFlags& flags);
/// Chooses the device, loads the checkpoints. config: what a foreign checkpoint is built from (may be null). place:
/// shares the machine's cores and GPUs.
Predictor make_predictor(const ModelFlags& flags, const DataConfig* config, const JobPlace& place = {});

}  // namespace nnunet::app
