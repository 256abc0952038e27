#include <algorithm>

#include "logit_adder.h"
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

/// Float32 or bf16 with one of the strides of classes and x being 1.
torch::Tensor readable(torch::Tensor logits) {
  logits = logits.to(torch::kCPU, logits.scalar_type() == torch::kBFloat16 ? torch::kBFloat16 : torch::kFloat32);
  return logits.stride(3) == 1 || logits.stride(0) == 1 ? logits : logits.contiguous();
}

class CpuAdder final : public LogitAdder {
 public:
  CpuAdder(const WindowPlan& plan, const torch::Tensor& importance, std::int64_t classes, Deliver deliver)
      : plan_(plan),
        importance_(importance),
        scale_(plan, importance, torch::kCPU),
        classes_(classes),
        deliver_(std::move(deliver)),
        store_(classes, plan.size, steps_of(plan)),
        row_(plan.rows.begin()) {}

  void add(const WindowJob& job, const torch::Tensor& logits) override {
    if (!row_open_) open_row();
    const torch::Tensor values = readable(logits);
    const float* scale = scale_.layer(job.place[0]).const_data_ptr<float>();
    const std::int64_t lines = plan_.patch[0] * plan_.patch[1];
    const std::int64_t grain = std::max<std::int64_t>(1, kGrain / (classes_ * plan_.patch[2]));
    at::parallel_for(0, lines, grain, [&](std::int64_t begin, std::int64_t end) {
      std::vector<float> weight(static_cast<std::size_t>(plan_.patch[2]));
      for (std::int64_t i = begin; i < end; ++i)
        add_window_line(job, values, scale, i / plan_.patch[1], i % plan_.patch[1], weight.data());
    });
  }

  void finish(const WindowRow& row) override {
    const LineRange& f = row.finished;
    deliver_({classes_, plan_.size, plan_.size[2], f.z_begin, f.z_end, f.y_begin, f.y_end, store_.lines()});
    store_.release(row.released);
    row_open_ = false;
    ++row_;
  }

  std::int64_t bytes() const override { return store_.bytes(); }

 private:
  void open_row() {
    store_.acquire(row_->touched);
    const auto& lines = store_.new_lines();
    const std::int64_t length = store_.line_values();
    at::parallel_for(0, static_cast<std::int64_t>(lines.size()), std::max<std::int64_t>(1, kGrain / length),
                     [&](std::int64_t begin, std::int64_t end) {
                       for (std::int64_t i = begin; i < end; ++i)
                         std::fill_n(lines[static_cast<std::size_t>(i)], length, 0.0F);
                     });
    row_open_ = true;
  }

  /// Line (z,y) of the window, as the network saw it; weight: room for a line.
  void add_window_line(const WindowJob& job, const torch::Tensor& logits, const float* scale, std::int64_t z,
                       std::int64_t y, float* weight) {
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
    multiply_values(importance_.const_data_ptr<float>() + (z * height + y) * width + begin,
                    scale + (z * plan_.padded[1] + scale_y) * plan_.padded[2] + scale_x, weight, inside);
    LogitLine line;
    const std::int64_t first = z * logits.stride(1) + y * logits.stride(2) + begin * logits.stride(3);
    line.bf16 = logits.scalar_type() == torch::kBFloat16;
    line.logits = static_cast<const char*>(logits.const_data_ptr()) + first * logits.element_size();
    line.class_stride = logits.stride(0);
    line.x_stride = logits.stride(3);
    line.weight = weight;
    line.sum = store_.line(to_z, to_y) + to_x;
    line.sum_class_stride = plan_.size[2];
    line.mirrored = mirrored;
    line.classes = classes_;
    line.count = inside;
    add_line(line);
  }

  const WindowPlan& plan_;
  const torch::Tensor& importance_;
  WindowScale scale_;
  std::int64_t classes_;
  Deliver deliver_;
  LineStore store_;
  std::vector<WindowRow>::const_iterator row_;
  bool row_open_ = false;
};

}  // namespace

std::unique_ptr<LogitAdder> make_cpu_adder(const WindowPlan& plan, const torch::Tensor& importance,
                                           std::int64_t classes, LogitAdder::Deliver deliver) {
  return std::make_unique<CpuAdder>(plan, importance, classes, std::move(deliver));
}

}  // namespace nnunet
