#include "nnunet/infer/predictor.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <nlohmann/json.hpp>

#include "nnunet/core/error.h"
#include "nnunet/infer/label_channels.h"
#include "nnunet/io/digest.h"
#include "nnunet/native/native_network.h"
#include "nnunet/preprocess/resample.h"

namespace nnunet {
namespace {

/// What two checkpoints must share for their logits to mean the same: the first field in which they differ, or "".
std::string difference(const Checkpoint& a, const Checkpoint& b) {
  if (a.data.n_class != b.data.n_class) return "number of classes";
  if (a.data.in_channels != b.data.in_channels) return "number of channels";
  if (a.data.patch_size != b.data.patch_size) return "patch size";
  if (a.data.spacings != b.data.spacings) return "spacing";
  if (a.data.modality != b.data.modality) return "modality";
  if (a.data.ct != b.data.ct) return "CT intensity statistics";
  if (!(a.plan == b.plan)) return "network";
  return first_difference(model_plan(a), model_plan(b));
}

/// The model's windows as far as nothing else is asked for.
SlidingWindowPlan chosen_windows(SlidingWindowPlan plan, const PredictorOptions& options) {
  plan.overlap = options.overlap;
  if (options.blend == Blend::constant) plan.weights = WindowWeights::constant;
  plan.mirror = options.tta.value_or(plan.mirror);
  if (options.precise) plan.sums = SumType::fp32;
  return plan;
}

/// How many windows' logits (float32) take 512 MiB, at least 1: beyond it more windows at a time gain nothing.
std::int64_t most_windows(const std::vector<std::int64_t>& patch, std::int64_t classes) {
  constexpr std::int64_t kValues = (std::int64_t{512} << 20) / static_cast<std::int64_t>(sizeof(float));
  return std::max<std::int64_t>(1, kValues / (classes * Array<float>::count(patch)));
}

/// Windows a forward where nothing is asked for: the reference system's numbers; of nnU-Net v2's models, whose patches
/// fill a machine, at most 4 and as many as have half a million voxels together, since more gain nothing.
std::int64_t usual_windows(const ModelPlan& model) {
  if (model.window.mirrored_unit == MirroredUnit::volume) return model.dim() == 3 ? 4 : 64;
  constexpr std::int64_t kVoxels = std::int64_t{1} << 19;
  return std::clamp<std::int64_t>(kVoxels / Array<float>::count(model.window.patch), 1, 4);
}

/// Of all that prediction takes from a checkpoint, so that the file may be copied, renamed or stripped of its training,
/// and what --data and flags say of a foreign one counts.
std::string network_digest(const Checkpoint& checkpoint) {
  DataConfig data = checkpoint.data;
  data.cases.clear();
  data.labels.clear();
  data.task.clear();
  data.options.clear();
  Digest digest;
  digest.add_entry(config_text(data)).add_entry(plan_to_json(checkpoint.plan).dump());
  if (checkpoint.model) digest.add_entry(model_plan_to_json(*checkpoint.model).dump());
  for (const auto& [name, tensor] : checkpoint.state_dict) {
    const HostTensor values = tensor.contiguous();
    digest.add_entry(name).add(
        {static_cast<const std::byte*>(values.data()), static_cast<std::size_t>(values.nbytes())});
  }
  return digest.hex();
}

std::string name_of(const std::vector<std::filesystem::path>& paths, std::size_t i) {
  return paths[i].string();
}

}  // namespace

Predictor::Predictor(const std::vector<std::filesystem::path>& checkpoints, const ForeignDefaults& foreign,
                     PredictorOptions options, Device device, Precision precision)
    : device_(device), precision_(precision) {
  if (checkpoints.empty())
    throw Error("--ckpt_path", "no checkpoint is given",
                "name the checkpoint of a trained network, such as RESULTS/checkpoints/best.ckpt");
  std::vector<Checkpoint> loaded;
  std::vector<std::string> sources;
  for (std::size_t i = 0; i < checkpoints.size(); ++i) {
    loaded.push_back(load_checkpoint(checkpoints[i], foreign));
    loaded.back().training = Value();  // optimizer state: as large as the weights, or twice
    sources.push_back(name_of(checkpoints, i));
  }
  build(loaded, sources, options);
}

Predictor::Predictor(std::vector<Checkpoint> checkpoints, PredictorOptions options, Device device, Precision precision)
    : device_(device), precision_(precision) {
  if (checkpoints.empty()) throw Error("predictor", "no checkpoint is given");
  std::vector<std::string> sources;
  for (std::size_t i = 0; i < checkpoints.size(); ++i) sources.push_back(fmt::format("checkpoint {}", i + 1));
  build(checkpoints, sources, options);
}

void Predictor::build(const std::vector<Checkpoint>& checkpoints, const std::vector<std::string>& sources,
                      const PredictorOptions& options) {
  const Checkpoint& first = checkpoints.front();
  data_ = first.data;
  model_ = model_plan(first);
  const auto memory = std::make_shared<NativeMemory>();  // the folds' networks run one after the other
  for (std::size_t i = 0; i < checkpoints.size(); ++i) {
    if (const std::string what = difference(first, checkpoints[i]); !what.empty())
      throw Error(sources[i], fmt::format("differs from {} in its {}", sources.front(), what),
                  "only checkpoints of one configuration, such as the folds of a task, can be averaged");
    auto digest = std::async(std::launch::async, network_digest, std::cref(checkpoints[i]));  // engines take longer
    engines_->push_back(
        make_engine(checkpoints[i], {options.engine, precision_, device_, options.others, false, memory}, sources[i]));
    digests_.push_back(digest.get());
  }
  windows_ = windows_with(options);
  lane_ = make_lane();
  std::ranges::sort(digests_);  // folds are averaged in any order
}

WindowOptions Predictor::windows_with(const PredictorOptions& options) const {
  WindowOptions windows;
  windows.plan = chosen_windows(model_.window, options);
  windows.batch_size = std::min(options.batch_size > 0 ? options.batch_size : usual_windows(model_),
                                most_windows(model_.window.patch, plan().n_class));
  windows.scratch = options.scratch;
  return windows;
}

std::string Predictor::made_with(const WindowOptions& windows) const {
  nlohmann::json record{{"networks", digests_},
                        {"precision", precision_name(precision_)},
                        {"overlap", windows.plan.overlap},
                        {"blend", windows.plan.weights == WindowWeights::constant ? "constant" : "gaussian"},
                        {"tta", windows.plan.mirror}};
  if (model_.window.sums != windows.plan.sums) record["sums"] = "fp32";
  return record.dump();
}

Logits Predictor::forward(const WindowBatch& windows) {
  return mean_logits(*engines_, memory_, windows);
}

WindowReport Predictor::stream(const std::string& name, const VolumeView& x, const std::vector<LogitSink*>& sinks) {
  return stream(name, x, *lane_, sinks);
}

WindowReport Predictor::stream(const std::string& name, const VolumeView& x, WindowLane& lane,
                               const WindowOptions& windows, const std::vector<LogitSink*>& sinks) const {
  if (x.shape.size() != 4 || x.shape[0] != plan().in_channels)
    throw Error(name,
                fmt::format("has shape {}, the network takes {} channels", shape_text(x.shape), plan().in_channels));
  try {
    return stream_windows(x, lane, windows, sinks);
  } catch (const OutOfDeviceMemory&) {
    throw Error(name, "the GPU's memory does not suffice",
                fmt::format("give a smaller --val_batch_size (now {}) or --gpus 0", windows.batch_size));
  }
}

Array<float> Predictor::logits(const std::string& name, const VolumeView& x) {
  LogitVolume whole;
  stream(name, x, {&whole});
  return whole.logits();
}

ValidationResult Predictor::validate(const PreprocessedFolder& folder, const std::vector<std::string>& cases,
                                     std::int64_t limit) {
  return nnunet::validate(folder, cases, *lane_, {}, windows_, {.limit = limit});
}

template <class Source>
PreprocessedCase Predictor::preprocess_any(const std::string& name, Source&& image, int threads,
                                           const Array<std::uint16_t>* previous) const {
  if (model_.previous_stage && previous == nullptr)
    throw Error(name, "the network takes the label map of a cascade's previous stage, and there is none",
                "predict with that stage's model first and give its label maps, too");
  if (!model_.previous_stage && previous != nullptr)
    throw Error(name, "has a label map of a previous stage, but the network takes none", "leave it out");
  if (previous == nullptr) return preprocess_case(name, std::forward<Source>(image), model_.preprocess, threads);
  PreprocessedCase c = preprocess_case(name, std::forward<Source>(image), *previous, model_.preprocess, threads);
  append_label_channels(c, model_.labels);
  return c;
}

PreprocessedCase Predictor::preprocess(const std::string& name, Image image, int threads,
                                       const Array<std::uint16_t>* previous) const {
  return preprocess_any(name, std::move(image), threads, previous);
}

PreprocessedCase Predictor::preprocess(const std::string& name, const ImageView& image, int threads,
                                       const Array<std::uint16_t>* previous) const {
  return preprocess_any(name, image, threads, previous);
}

OriginalGrid Predictor::original_grid(const PreprocessedCase& c) const {
  OriginalGrid grid;
  grid.crop_start = c.crop_start;
  grid.crop_end = c.crop_end;
  grid.shape = c.original;
  grid.transpose = c.transpose;
  grid.labels = model_.labels;
  const ResamplingRule& rule = model_.preprocess.logits;
  grid.resampling = {rule.method, rule.order, rule.order_across,
                     separate_axis(rule, target_spacing(model_.preprocess, c.spacing), c.spacing)};
  return grid;
}

LabelMap Predictor::segment(const std::string& name, const Image& image) {
  const PreprocessedCase c = preprocess(name, image);
  RestoreSink restore(name, original_grid(c), true);
  stream(name, c.x, {&restore});
  return {std::move(restore.labels()), image.geometry};
}

}  // namespace nnunet
