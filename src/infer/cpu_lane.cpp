#include <algorithm>
#include <optional>

#include "nnunet/core/error.h"
#include "nnunet/core/parallel.h"
#include "nnunet/infer/line_store.h"
#include "nnunet/infer/window_lane.h"
#include "nnunet/infer/window_scale.h"
#include "window_kernels.h"

namespace nnunet {
namespace {

/// Work worth a thread, in logits.
constexpr std::int64_t kGrain = 32768;

std::vector<LineStore::Step> steps_of(const WindowPlan& plan) {
  std::vector<LineStore::Step> steps;
  for (const WindowRow& row : plan.rows) steps.push_back({row.touched, row.released});
  return steps;
}

/// With one of the strides of classes and x being 1, as our kernel reads them.
Logits readable(Logits logits) {
  if (logits.strides.back() == 1 || logits.strides[1] == 1) return logits;
  float* to = nullptr;
  Logits plain = Logits::make(logits.shape, to);
  logits.copy_to(to);
  return plain;
}

/// The sums of one volume.
class CpuSums {
 public:
  CpuSums(const WindowPlan& plan, const Array<float>& importance, std::int64_t classes, WindowLane::Deliver deliver)
      : plan_(plan),
        importance_(importance),
        scale_(plan, importance),
        classes_(classes),
        deliver_(std::move(deliver)),
        store_(classes, plan.size, steps_of(plan)),
        row_(plan.rows.begin()) {}

  /// Window i of the logits.
  void add(const WindowJob& job, const Logits& logits, std::int64_t i) {
    if (!row_open_) open_row();
    const Window window = window_of(logits, i);
    const float* scale = scale_.layer(job.place[0])->data();
    const std::int64_t lines = plan_.patch[0] * plan_.patch[1];
    const std::int64_t grain = std::max<std::int64_t>(1, kGrain / (classes_ * plan_.patch[2]));
    parallel_ranges(lines, grain, [&](std::int64_t begin, std::int64_t end) {
      std::vector<float> weight(static_cast<std::size_t>(plan_.patch[2]));
      for (std::int64_t line = begin; line < end; ++line)
        add_window_line(job, window, scale, line / plan_.patch[1], line % plan_.patch[1], weight.data());
    });
  }

  void finish(const WindowRow& row) {
    const LineRange& f = row.finished;
    deliver_({classes_, plan_.size, plan_.size[2], f.z_begin, f.z_end, f.y_begin, f.y_end, store_.lines()});
    store_.release(row.released);
    row_open_ = false;
    ++row_;
  }

  std::int64_t bytes() const { return store_.bytes(); }

 private:
  /// Logits (K,d,h,w) of one window; d = 1, with no stride, for a slice.
  struct Window {
    const char* values = nullptr;
    bool bf16 = false;
    std::int64_t strides[4] = {};
  };

  static Window window_of(const Logits& logits, std::int64_t i) {
    Window w;
    w.bf16 = logits.bf16;
    w.values = static_cast<const char*>(logits.values) + i * logits.strides[0] * width_of(logits.bf16);
    const std::size_t spatial = logits.strides.size() - 2;
    w.strides[0] = logits.strides[1];
    for (std::size_t a = 0; a < spatial; ++a) w.strides[4 - spatial + a] = logits.strides[2 + a];
    return w;
  }
  static std::int64_t width_of(bool bf16) { return bf16 ? 2 : 4; }

  void open_row() {
    store_.acquire(row_->touched);
    const auto& lines = store_.new_lines();
    const std::int64_t length = store_.line_values();
    parallel_ranges(static_cast<std::int64_t>(lines.size()), std::max<std::int64_t>(1, kGrain / length),
                    [&](std::int64_t begin, std::int64_t end) {
                      for (std::int64_t i = begin; i < end; ++i)
                        std::fill_n(lines[static_cast<std::size_t>(i)], length, 0.0F);
                    });
    row_open_ = true;
  }

  /// Line (z,y) of the window, as the network saw it; weight: room for a line.
  void add_window_line(const WindowJob& job, const Window& logits, const float* scale, std::int64_t z, std::int64_t y,
                       float* weight) {
    const auto [depth, height, width] = plan_.patch;
    const std::int64_t to_z = job.start[0] + (job.mirrored(0) ? depth - 1 - z : z);
    const std::int64_t to_y = job.start[1] + (job.mirrored(1) ? height - 1 - y : y);
    if (to_z < 0 || to_z >= plan_.size[0] || to_y < 0 || to_y >= plan_.size[1]) return;
    // Its voxels [begin, end) lie in the volume, the first of them at to_x.
    const bool mirrored = job.mirrored(2);
    const std::int64_t before = std::max<std::int64_t>(0, -job.start[2]);
    const std::int64_t inside = std::min(plan_.size[2], width);
    const std::int64_t begin = mirrored ? width - before - inside : before;
    const std::int64_t to_x = job.start[2] + (mirrored ? width - 1 - begin : begin);

    const std::int64_t scale_y = plan_.grid[1][job.place[1]] + y, scale_x = plan_.grid[2][job.place[2]] + begin;
    multiply_values(importance_.data() + (z * height + y) * width + begin,
                    scale + (z * plan_.padded[1] + scale_y) * plan_.padded[2] + scale_x, weight, inside);
    LogitLine line;
    const std::int64_t first = z * logits.strides[1] + y * logits.strides[2] + begin * logits.strides[3];
    line.bf16 = logits.bf16;
    line.logits = logits.values + first * width_of(logits.bf16);
    line.class_stride = logits.strides[0];
    line.x_stride = logits.strides[3];
    line.weight = weight;
    line.sum = store_.line(to_z, to_y) + to_x;
    line.sum_class_stride = plan_.size[2];
    line.mirrored = mirrored;
    line.classes = classes_;
    line.count = inside;
    add_line(line);
  }

  const WindowPlan& plan_;
  const Array<float>& importance_;
  WindowScale scale_;
  std::int64_t classes_;
  WindowLane::Deliver deliver_;
  LineStore store_;
  std::vector<WindowRow>::const_iterator row_;
  bool row_open_ = false;
};

class CpuLane final : public WindowLane {
 public:
  explicit CpuLane(ForwardFunction forward) : forward_(std::move(forward)) {}

  void begin(const WindowPlan& plan, const Array<float>& importance, Deliver deliver) override {
    plan_ = &plan;
    importance_ = &importance;
    deliver_ = std::move(deliver);
    sums_.reset();
  }

  float* input(const std::vector<std::int64_t>& shape) override {
    shape_ = shape;
    const auto count = static_cast<std::size_t>(Array<float>::count(shape));
    if (windows_.size() < count) windows_.resize(count);
    return windows_.data();
  }

  std::vector<std::int64_t> run() override {
    logits_ = {};  // its memory, for the next ones
    logits_ = forward_({windows_.data(), shape_});
    if (logits_.strides.size() == shape_.size()) logits_ = readable(std::move(logits_));
    return logits_.shape;
  }

  void make_sums(std::int64_t classes) override { sums_.emplace(*plan_, *importance_, classes, deliver_); }
  void add(const WindowJob& job, std::int64_t i) override { sums_->add(job, logits_, i); }
  void finish(const WindowRow& row) override { sums_->finish(row); }
  std::int64_t bytes() const override { return sums_->bytes(); }

 private:
  ForwardFunction forward_;
  const WindowPlan* plan_ = nullptr;
  const Array<float>* importance_ = nullptr;
  Deliver deliver_;
  std::vector<std::int64_t> shape_;
  std::vector<float> windows_;
  Logits logits_;
  std::optional<CpuSums> sums_;
};

}  // namespace

std::unique_ptr<WindowLane> make_cpu_lane(ForwardFunction forward) {
  return std::make_unique<CpuLane>(std::move(forward));
}

}  // namespace nnunet
