#include "nnunet/infer/served_predictor.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "nnunet/preprocess/case_memory.h"
#include "nnunet/preprocess/resample.h"
#include "nnunet/preprocess/transpose.h"

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

void check_can_be_served(const ModelPlan& model, ImageReader reader) {
  if (model.previous_stage)
    throw Error("--model", "takes the label maps of a cascade's previous stage, which nobody can send to the server",
                "use nnunet predict with --prev_stage_predictions");
  const LabelSpec& labels = model.labels;
  const bool wide = labels.type == LabelType::uint8_or_uint16 && labels.foreground_labels() >= 255;
  if (wide || std::ranges::any_of(labels.region_values, [](int value) { return value > 255; }))
    throw Error("--model", "has label maps of 16 bits, the server's have 8", "use nnunet predict");
  if (!takes_nifti(reader))
    throw Error("--model", fmt::format("reads images by {}, the server takes NIfTI files", image_reader_name(reader)),
                "use nnunet predict");
}

/// Bytes of the sums of logits that wait for further windows: the lines that a row of windows reaches, all of them for
/// mirror images of the whole volume.
std::int64_t sum_bytes(const Predictor& predictor, const Shape3& shape) {
  const SlidingWindowPlan& windows = predictor.windows().plan;
  if (!predictor.windows().scratch.empty()) return 0;
  const bool whole = windows.mirror && windows.mirrored_unit == MirroredUnit::volume;
  const std::int64_t depth = windows.dim() == 3 ? std::min(shape[0], windows.patch[0]) : 1;
  const std::int64_t lines = (whole ? shape[0] : depth) * shape[1], classes = predictor.plan().n_class;
  if (windows.sums == SumType::fp32) return lines * shape[2] * classes * 4;
  return lines * shape[2] * (classes * static_cast<std::int64_t>(predictor.networks()) + 1) * 2;
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
    WatchedLane lane(predictor_.make_lane(), *device_, watch, count_windows(c.x.spatial(), predictor_.windows()));
    predictor_.stream(name, c.x, lane, {&restored});
    return {turned ? turned->undo(restored.labels()) : std::move(restored.labels()), geometry};
  }

  std::int64_t memory(const NiftiInfo& file) const override {
    const PreprocessPlan& plan = predictor_.model().preprocess;
    const std::int64_t image_bytes = file.voxels() * 4, label_bytes = volume(file.geometry.shape);
    NiftiInfo info = file;
    std::int64_t most = 0;
    if (reorients(images_.format.reader)) {
      info.geometry = turned_geometry(file.geometry);
      most = 2 * image_bytes;
    }
    most = std::max(most, case_memory(info, std::nullopt, plan));
    const Shape3 shape = network_shape(plan, info.geometry);
    if (volume(shape) > limits::image_voxels) return most;  // it will be refused
    const std::int64_t held = file.channels * volume(shape) * 4 + 2 * label_bytes;
    return std::max(most, held + sum_bytes(predictor_, shape));
  }

 private:
  /// Of an image on the axes that preprocessing begins with.
  Geometry turned_geometry(const Geometry& geometry) const {
    const Shape3& shape = geometry.shape;
    Image none{Array<float>({0, shape[0], shape[1], shape[2]}), geometry};
    to_canonical(none, images_.format.reader, "image");
    return none.geometry;
  }

  static Shape3 network_shape(const PreprocessPlan& plan, const Geometry& geometry) {
    const Shape3 shape = in_order(geometry.shape, plan.transpose);
    if (plan.image.method == Resampler::none) return shape;
    return target_shape(plan, shape, in_order(geometry.spacing, plan.transpose));
  }

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
