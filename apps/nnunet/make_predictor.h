#pragma once
#include <optional>

#include "nnunet/checkpoint/v2_model.h"
#include "nnunet/core/job.h"
#include "nnunet/infer/predictor.h"
#include "options/inference_options.h"

namespace nnunet::app {

/// Throws Error without a checkpoint (the reference would run random weights) and for several GPUs. Goes to the program
/// that has libtorch where it is needed.
void check_model_flags(const ModelFlags& flags);

/// Throws Error where --ckpt_path names a model of nnU-Net v2: preprocessed folders are made for others.
void refuse_v2_models(const ModelFlags& flags);
/// For images: a model of nnU-Net v2 that --ckpt_path names is that of --model. Throws Error for several.
ModelFlags with_v2_model(ModelFlags flags);

/// The model that --model names; nothing where it is not given. Throws Error.
std::optional<V2Model> read_trained_model(const TrainedModel& trained);

/// Chooses the device, loads the checkpoints. config: what a foreign checkpoint is built from (may be null). place:
/// shares the machine's cores and GPUs.
Predictor make_predictor(const ModelFlags& flags, const DataConfig* config, const JobPlace& place = {});
/// The same of a model of nnU-Net v2, whose networks it takes; null: of --ckpt_path.
Predictor make_predictor(const ModelFlags& flags, V2Model* model, const DataConfig* config, const JobPlace& place = {});

}  // namespace nnunet::app
