#include "served_predictor.h"

#include <algorithm>
#include <bit>

#include "nnunet/core/error.h"
#include "nnunet/plan/reference_plan.h"
#include "nnunet/preprocess/case_memory.h"

namespace nnunet::app {

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

/// How many windows a pass over a preprocessed volume takes.
std::int64_t count_windows(const Shape3& shape, const WindowOptions& windows) {
  const std::size_t dim = windows.patch_size.size();
  std::int64_t n = dim == 2 ? shape[0] : 1;
  for (std::size_t a = 0; a < dim; ++a) {
    const std::int64_t patch = windows.patch_size[a];
    n *= static_cast<std::int64_t>(window_starts(std::max(shape[3 - dim + a], patch), patch, windows.overlap).size());
    if (windows.tta) n *= 2;
  }
  return n;
}

class ServedPredictor final : public serve::ServedModel {
 public:
  ServedPredictor(Predictor predictor, std::shared_ptr<DeviceThread> device)
      : predictor_(std::move(predictor)), device_(std::move(device)) {}

  const DataConfig& data() const override { return predictor_.data(); }
  std::string made_with() const override { return predictor_.made_with(); }

  void forward(std::int64_t n, const float* x, float* logits) override {
    device_->run([&] { forward_here(n, x, logits); });
  }

  LabelMap segment(const std::string& name, Image image, serve::SegmentWatch& watch) override {
    const torch::NoGradGuard no_grad;
    const Geometry geometry = image.geometry;
    const PreprocessedCase c = predictor_.preprocess(name, image);
    image.voxels = {};
    watch.check();
    RestoreSink restored(name, predictor_.original_grid(c), true);
    const double total = static_cast<double>(count_windows(c.x.spatial(), predictor_.windows()));
    std::int64_t done = 0;
    const auto network = [&](const torch::Tensor& windows) {
      watch.check();
      torch::Tensor logits;
      device_->run([&] {
        const torch::NoGradGuard none;
        const AutocastScope autocast(predictor_.precision(), predictor_.windows().device);
        logits = predictor_.forward(windows);
      });
      done += windows.size(0);
      watch.progress = std::min(1.0, static_cast<double>(done) / total);
      return logits;
    };
    const AutocastScope autocast(predictor_.precision(), predictor_.windows().device);
    try {
      stream_windows(as_tensor(c.x), network, predictor_.windows(), {&restored});
    } catch (const c10::OutOfMemoryError&) {
      throw Error(name, "the GPU's memory does not suffice", "serve with a smaller --val_batch_size or --gpus 0");
    }
    return {std::move(restored.labels()), geometry};
  }

  std::int64_t memory(const NiftiInfo& image) const override {
    return case_memory(image, std::nullopt, reference_plan(data()).preprocess);
  }

 private:
  void forward_here(std::int64_t n, const float* x, float* logits) {
    const torch::NoGradGuard no_grad;
    const AutocastScope autocast(predictor_.precision(), predictor_.windows().device);
    const auto input = as_batch(n, data().in_channels, const_cast<float*>(x));
    const auto output = as_batch(n, data().n_class, logits);
    // Engines on CPUs are made for a batch size, which takes as long as running them, and keep a few: powers of two.
    const bool cpu = predictor_.windows().device.is_cpu();
    for (std::int64_t begin = 0, size = 0; begin < n; begin += size) {
      size = cpu ? static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(n - begin))) : n;
      output.narrow(0, begin, size).copy_(predictor_.forward(input.narrow(0, begin, size)));
    }
  }

  torch::Tensor as_batch(std::int64_t n, std::int64_t channels, float* values) const {
    std::vector<std::int64_t> shape{n, channels};
    shape.insert(shape.end(), data().patch_size.begin(), data().patch_size.end());
    return torch::from_blob(values, shape, torch::kFloat32);
  }

  Predictor predictor_;
  const std::shared_ptr<DeviceThread> device_;
};

}  // namespace

std::unique_ptr<serve::ServedModel> serve_predictor(Predictor predictor, std::shared_ptr<DeviceThread> device) {
  return std::make_unique<ServedPredictor>(std::move(predictor), std::move(device));
}

}  // namespace nnunet::app
