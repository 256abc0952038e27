#include "nnunet/infer/served_predictor.h"

#include <algorithm>
#include <bit>

#include "nnunet/core/error.h"
#include "nnunet/plan/reference_plan.h"
#include "nnunet/preprocess/case_memory.h"

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

/// How many windows a pass over a preprocessed volume takes.
std::int64_t count_windows(const Shape3& shape, const WindowOptions& windows) {
  return static_cast<std::int64_t>(WindowPlan(shape, windows.plan).jobs.size());
}

/// A lane whose network runs on the device's thread, where it can be stopped, and which says how far it is.
class WatchedLane final : public WindowLane {
 public:
  WatchedLane(std::unique_ptr<WindowLane> lane, DeviceThread& device, serve::SegmentWatch& watch, std::int64_t total)
      : lane_(std::move(lane)), device_(device), watch_(watch), total_(total) {}

  void begin(const WindowPlan& plan, const Array<float>& importance, Deliver deliver) override {
    lane_->begin(plan, importance, std::move(deliver));
  }
  void keep_waiting_sums_in(const std::filesystem::path& folder) override { lane_->keep_waiting_sums_in(folder); }
  float* input(const std::vector<std::int64_t>& shape) override { return lane_->input(shape); }
  std::vector<std::int64_t> run() override {
    watch_.check();
    std::vector<std::int64_t> shape;
    device_.run([&] { shape = lane_->run(); });
    return shape;
  }
  void wait() override { lane_->wait(); }
  void make_sums(std::int64_t classes) override { lane_->make_sums(classes); }
  void add(const WindowJob& job, std::int64_t i) override {
    lane_->add(job, i);
    count();
  }
  void keep(std::int64_t i) override { lane_->keep(i); }
  void forget_kept() override { lane_->forget_kept(); }
  void add_kept(const WindowJob& job) override {
    lane_->add_kept(job);
    count();
  }
  void finish(const WindowRow& row) override { lane_->finish(row); }
  void settle() override { lane_->settle(); }
  std::int64_t bytes() const override { return lane_->bytes(); }
  bool runs_beside() const override { return lane_->runs_beside(); }

 private:
  void count() {
    ++done_;
    watch_.progress = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  }

  std::unique_ptr<WindowLane> lane_;
  DeviceThread& device_;
  serve::SegmentWatch& watch_;
  std::int64_t total_, done_ = 0;
};

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
    const Geometry geometry = image.geometry;
    const PreprocessedCase c = predictor_.preprocess(name, image);
    image.voxels = {};
    watch.check();
    RestoreSink restored(name, predictor_.original_grid(c), true);
    WatchedLane lane(predictor_.make_lane(), *device_, watch, count_windows(c.x.spatial(), predictor_.windows()));
    predictor_.stream(name, c.x, lane, {&restored});
    return {std::move(restored.labels()), geometry};
  }

  std::int64_t memory(const NiftiInfo& image) const override {
    return case_memory(image, std::nullopt, reference_plan(data()).preprocess);
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
};

}  // namespace

std::unique_ptr<serve::ServedModel> serve_predictor(Predictor predictor, std::shared_ptr<DeviceThread> device) {
  return std::make_unique<ServedPredictor>(std::move(predictor), std::move(device));
}

}  // namespace nnunet
