#pragma once
#include <string>

#include "nnunet/export/model.h"
#include "nnunet/infer/engine.h"
#include "options/predict.h"
#include "v2/blocks/train.h"

/// What the commands that both programs have ask about libtorch. `nnunet` has none and starts in milliseconds
/// (without_torch.cpp); `nnunet-engine` beside it has it (engine_main.cpp).
namespace nnunet::app {

/// The engines beside the native one, libtorch among them; null in `nnunet`.
const EngineBackend* engines_here();

/// What writes TorchScript; empty in `nnunet`.
TorchScriptWriter torchscript_here();

/// Whether nnunet-engine lies beside this program.
bool has_engine_program();

/// `nnunet` turns into nnunet-engine with the same command line; nnunet-engine returns at once. Throws Error, naming
/// what needs libtorch, where there is no such program.
void go_where_torch_is(const std::string& what);

/// Goes there for an --engine or --gpus that the native engine is none for.
void go_where_network_runs(const std::string& engine, int gpus);

/// The bare forward on patches, for `predict --benchmark`. Only in nnunet-engine: go there first.
void benchmark_forward(const PredictFlags& flags);

/// The training of nnUNetv2_train; its exit code. Only in nnunet-engine: go there first.
int train_v2_fold(const V2TrainFlags& flags);

}  // namespace nnunet::app
