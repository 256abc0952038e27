#include "make_predictor.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <utility>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/infer/opened_model.h"
#include "torch_door.h"

namespace nnunet::app {

void check_model_flags(const ModelFlags& flags) {
  if (!flags.ckpt_path.empty() && !flags.trained.path.empty())
    throw Error("--ckpt_path and --model", "both name networks", "give one of them");
  if (flags.ckpt_path.empty() && flags.trained.path.empty())
    throw Error("--ckpt_path", "no checkpoint is given",
                "name the checkpoint of a trained network, such as RESULTS/checkpoints/best.ckpt");
  if (flags.compute.gpus > 1) throw Error("--gpus", "one GPU is used at most", "use --gpus 1");
  go_where_network_runs(flags.compute.engine, flags.compute.gpus);
}

namespace {

PredictorOptions predictor_options(const ModelFlags& flags) {
  const SlidingOptions& windows = flags.windows;
  PredictorOptions options;
  options.overlap = windows.overlap;
  options.blend = windows.blend;
  options.batch_size = windows.val_batch_size;
  if (windows.tta && windows.disable_tta) throw Error("--tta and --disable_tta", "both are given", "give one of them");
  if (windows.tta || windows.disable_tta) options.tta = windows.tta;
  options.precise = windows.precise;
  if (windows.low_memory)
    options.scratch = flags.scratch.empty() ? std::filesystem::temp_directory_path() : flags.scratch;
  options.engine = flags.compute.engine;
  options.others = engines_here();
  return options;
}

/// Only those of such names are looked into: checkpoints of this program end otherwise.
bool is_named_v2_model(const std::filesystem::path& path) {
  const bool may_be = path.extension() == ".pth" || !std::filesystem::is_regular_file(path);
  return may_be && is_v2_model(path);
}

}  // namespace

void refuse_v2_models(const ModelFlags& flags) {
  for (const auto& path : flags.ckpt_path)
    if (is_named_v2_model(path))
      throw Error(path.string(), "is a model of nnU-Net v2, which prepares images in its own way, not as --data",
                  "segment the images themselves: nnunet predict --model ... --input ... --output ...");
}

ModelFlags with_v2_model(ModelFlags flags) {
  if (std::ranges::none_of(flags.ckpt_path, is_named_v2_model)) return flags;
  if (flags.ckpt_path.size() > 1)
    throw Error("--ckpt_path", "several networks are given, one of them of nnU-Net v2",
                "give the folder of that model as --model; --folds chooses its networks");
  flags.trained.path = std::exchange(flags.ckpt_path, {}).front();
  return flags;
}

std::optional<V2Model> read_trained_model(const TrainedModel& trained) {
  if (trained.path.empty()) return std::nullopt;
  if (!is_v2_model(trained.path))
    throw Error(trained.path.string(), "is no model of nnU-Net v2",
                "give a folder with plans.json and dataset.json, an exported zip or a checkpoint_*.pth; checkpoints of "
                "this program are given by --ckpt_path");
  return read_v2_model(trained.path, trained.folds, trained.checkpoint);
}

Predictor make_predictor(const ModelFlags& flags, V2Model* model, const DataConfig* config, const JobPlace& place) {
  const ComputeOptions& compute = flags.compute;
  const Device device = choose_engine_device(compute.engine, compute.gpus, engines_here(), place);
  if (place.local_size > 1) omp_set_num_threads(std::min(omp_get_max_threads(), cores_for(place)));
  const Precision precision = choose_precision(compute.amp, compute.precision, device);
  const PredictorOptions options = predictor_options(flags);
  Predictor predictor = model != nullptr
                            ? Predictor(take_checkpoints(*model), options, device, precision)
                            : Predictor(flags.ckpt_path, {config, flags.network}, options, device, precision);
  log::info("engine: " + predictor.engine());
  return predictor;
}

Predictor make_predictor(const ModelFlags& flags, const DataConfig* config, const JobPlace& place) {
  return make_predictor(flags, nullptr, config, place);
}

}  // namespace nnunet::app
