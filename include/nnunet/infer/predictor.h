#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/checkpoint/checkpoint.h"
#include "nnunet/core/precision.h"
#include "nnunet/infer/engine.h"
#include "nnunet/infer/evaluate.h"
#include "nnunet/infer/restore.h"
#include "nnunet/infer/sliding_window.h"
#include "nnunet/io/nifti.h"
#include "nnunet/preprocess/case.h"

namespace nnunet {

struct PredictorOptions {
  double overlap = 0.5;
  Blend blend = Blend::gaussian;  ///< gaussian: the weights of the model's plan
  std::int64_t batch_size = 0;    ///< windows a forward; 0: 4 in 3D, 64 in 2D; fewer where their logits pass 512 MiB
  std::optional<bool> tta = {};   ///< mean over mirror images; nothing: as the model's plan says
  bool precise = false;           ///< sums in float32, where the plan has them in float16
  /// Folder for a file of the sums that wait for further windows; empty: they lie in memory.
  std::filesystem::path scratch = {};
  std::string engine = "auto";            ///< what computes the networks (engine.h)
  const EngineBackend* others = nullptr;  ///< engines beside the native one, where the program has them
};

/// Trained networks ready for use: one checkpoint, or several (folds) whose logits are averaged.
///   Predictor predictor({"fold0.ckpt", "fold1.ckpt"}, {}, {}, kCpu, Precision::fp32);
///   LabelMap label = predictor.segment("case", read_nifti("case.nii.gz"));
/// Not thread-safe; preprocess() and restore() are.
class Predictor {
 public:
  /// foreign: what checkpoints of other programs leave open. Throws Error (file, problem, remedy) for no checkpoint,
  /// unreadable ones, and checkpoints that differ in network or preprocessing.
  Predictor(const std::vector<std::filesystem::path>& checkpoints, const ForeignDefaults& foreign,
            PredictorOptions options, Device device, Precision precision);
  /// From memory.
  Predictor(std::vector<Checkpoint> checkpoints, PredictorOptions options, Device device, Precision precision);

  /// Everything from an image to a label map.
  const ModelPlan& model() const { return model_; }
  const NetworkPlan& plan() const { return *model_.network; }
  /// The same in the words of config.json, as far as it has words for it.
  const DataConfig& data() const { return data_; }
  const WindowOptions& windows() const { return windows_; }
  /// How windows would go with other options than those it was made with; engine and others do not count.
  WindowOptions windows_with(const PredictorOptions& options) const;
  Precision precision() const { return precision_; }
  Device device() const { return device_; }
  /// Everything that changes its label maps beyond rounding, as JSON: digests of the networks, precision, windows.
  std::string made_with() const { return made_with(windows_); }
  std::string made_with(const WindowOptions& windows) const;
  std::size_t networks() const { return engines_->size(); }
  std::string engine() const { return engines_->front()->description(); }

  /// Mean of the networks' logits for a batch of windows: one network's as they come, several networks' in float32.
  Logits forward(const WindowBatch& windows);
  /// Streams the logits of a preprocessed volume (C,D,H,W) through the sinks. Throws Error for another number of
  /// channels or when the GPU's memory does not suffice.
  WindowReport stream(const std::string& name, const VolumeView& x, const std::vector<LogitSink*>& sinks);
  /// The same by a lane of make_lane(), or one around it.
  WindowReport stream(const std::string& name, const VolumeView& x, WindowLane& lane,
                      const std::vector<LogitSink*>& sinks) const {
    return stream(name, x, lane, windows_, sinks);
  }
  WindowReport stream(const std::string& name, const VolumeView& x, WindowLane& lane, const WindowOptions& windows,
                      const std::vector<LogitSink*>& sinks) const;
  /// A way of windows through the networks; this must outlive it.
  std::unique_ptr<WindowLane> make_lane() { return make_lane(windows_); }
  std::unique_ptr<WindowLane> make_lane(const WindowOptions& windows) {
    return engines_->front()->lane(*engines_, windows.plan);
  }
  /// All of them: (K,D,H,W).
  Array<float> logits(const std::string& name, const VolumeView& x);

  /// Dice of cases of a preprocessed folder; limit as in nnunet::validate.
  ValidationResult validate(const PreprocessedFolder& folder, const std::vector<std::string>& cases,
                            std::int64_t limit = 0);

  /// The same steps as the training data went through. threads: 0 = all cores. previous: for a cascade, labels (D,H,W)
  /// of the stage before on the image's grid. Throws Error where a cascade has none, or another model is given some.
  PreprocessedCase preprocess(const std::string& name, Image image, int threads = 0,
                              const Array<std::uint16_t>* previous = nullptr) const;
  PreprocessedCase preprocess(const std::string& name, const ImageView& image, int threads = 0,
                              const Array<std::uint16_t>* previous = nullptr) const;
  OriginalGrid original_grid(const PreprocessedCase& c) const;
  /// Image to label map in the image's own geometry.
  LabelMap segment(const std::string& name, const Image& image);

 private:
  void build(const std::vector<Checkpoint>& checkpoints, const std::vector<std::string>& sources,
             const PredictorOptions& options);
  template <class Source>
  PreprocessedCase preprocess_any(const std::string& name, Source&& image, int threads,
                                  const Array<std::uint16_t>* previous) const;

  DataConfig data_;
  ModelPlan model_;  ///< with a network
  WindowOptions windows_;
  Device device_ = kCpu;
  Precision precision_;
  /// A checkpoint each; lanes hold on to the list, wherever this moves.
  std::unique_ptr<std::vector<std::unique_ptr<Engine>>> engines_ =
      std::make_unique<std::vector<std::unique_ptr<Engine>>>();
  std::unique_ptr<WindowLane> lane_;  ///< through all of them
  LogitMemory memory_;
  std::vector<std::string> digests_;  ///< of what it holds: network, weights, preprocessing
};

}  // namespace nnunet
