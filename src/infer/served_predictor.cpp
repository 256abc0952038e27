#include "nnunet/infer/served_predictor.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "nnunet/core/error.h"
#include "nnunet/infer/segment_memory.h"
#include "nnunet/infer/watched_lane.h"

namespace nnunet {

DeviceThread::DeviceThread() : thread_([this] { loop(); }) {}

DeviceThread::~DeviceThread() {
  const std::lock_guard lock(mutex_);
  ending_ = true;
  came_.notify_all();
}

void DeviceThread::run(std::function<void()> work) {
  std::packaged_task<void()> task(std::move(work));
  std::future<void> done = task.get_future();
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(task));
    came_.notify_all();
  }
  done.get();
}

void DeviceThread::loop() {
  for (;;) {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [&] { return ending_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::packaged_task<void()> task = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    task();
  }
}

namespace {

void check_can_be_served(const ModelPlan& model, ImageReader reader) {
  if (model.previous_stage)
    throw Error("--model", "takes the label maps of a cascade's previous stage, which nobody can send to the server",
                "use nnunet predict with --prev_stage_predictions");
  const LabelSpec& labels = model.labels;
  if (has_wide_labels(labels) || std::ranges::any_of(labels.region_values, [](int value) { return value > 255; }))
    throw Error("--model", "has label maps of 16 bits, the server's have 8", "use nnunet predict");
  if (!takes_nifti(reader))
    throw Error("--model", fmt::format("reads images by {}, the server takes NIfTI files", image_reader_name(reader)),
                "use nnunet predict");
}

class ServedPredictor final : public serve::ServedModel {
 public:
  ServedPredictor(Predictor predictor, std::shared_ptr<DeviceThread> device, ServedImages images)
      : predictor_(std::move(predictor)), device_(std::move(device)), images_(std::move(images)) {}

  const DataConfig& data() const override { return predictor_.data(); }
  std::string made_with() const override { return predictor_.made_with(); }

  serve::ModelDescription description() const override {
    const LabelSpec& labels = predictor_.model().labels;
    return {named_values(labels), labels.decision == LabelDecision::sigmoid, images_.channels, images_.format};
  }

  void forward(std::int64_t n, const float* x, float* logits) override {
    device_->run([&] { forward_here(n, x, logits); });
  }

  LabelMap segment(const std::string& name, Image image, serve::SegmentWatch& watch) override {
    const Geometry geometry = image.geometry;
    std::optional<Reorientation> turned;
    if (reorients(images_.format.reader)) turned = to_canonical(image, images_.format.reader, name);
    const PreprocessedCase c = predictor_.preprocess(name, std::move(image));
    watch.check();
    RestoreSink restored(name, predictor_.original_grid(c), true);
    LaneWatch lane;
    lane.before_run = [&] { watch.check(); };
    lane.run = [&](const std::function<void()>& network) { device_->run(network); };
    lane.windows = [&](std::int64_t done, std::int64_t total) {
      watch.progress = static_cast<double>(done) / static_cast<double>(total);
    };
    predictor_.stream(name, c.x, *watched(predictor_.make_lane(), std::move(lane)), {&restored});
    return {turned ? turned->undo(restored.labels()) : std::move(restored.labels()), geometry};
  }

  std::int64_t memory(const NiftiInfo& file) const override {
    return segment_memory(predictor_, predictor_.windows(), file, images_.format.reader);
  }

 private:
  void forward_here(std::int64_t n, const float* x, float* logits) {
    std::vector<std::int64_t> shape{n, data().in_channels};
    shape.insert(shape.end(), data().patch_size.begin(), data().patch_size.end());
    const WindowBatch all{x, shape};
    const std::int64_t values = all.window_values() / data().in_channels * data().n_class;
    // Engines on CPUs are made for a batch size, which takes as long as running them, and keep a few: powers of two.
    const bool cpu = predictor_.device().is_cpu();
    for (std::int64_t begin = 0, size = 0; begin < n; begin += size) {
      size = cpu ? static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(n - begin))) : n;
      predictor_.forward(all.part(begin, size)).copy_to(logits + begin * values);
    }
  }

  Predictor predictor_;
  const std::shared_ptr<DeviceThread> device_;
  const ServedImages images_;
};

}  // namespace

std::unique_ptr<serve::ServedModel> serve_predictor(Predictor predictor, std::shared_ptr<DeviceThread> device,
                                                    ServedImages images) {
  check_can_be_served(predictor.model(), images.format.reader);
  return std::make_unique<ServedPredictor>(std::move(predictor), std::move(device), std::move(images));
}

}  // namespace nnunet
