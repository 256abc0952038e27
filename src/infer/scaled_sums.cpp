#include <algorithm>

#include "cpu_sums.h"
#include "nnunet/core/parallel.h"
#include "nnunet/infer/window_scale.h"

namespace nnunet {
namespace {

class ScaledSums final : public CpuSums {
 public:
  ScaledSums(const WindowPlan& plan, const Array<float>& importance, std::int64_t classes, WindowLane::Deliver deliver,
             const std::filesystem::path& scratch)
      : plan_(plan),
        importance_(importance),
        scale_(plan, importance),
        classes_(classes),
        deliver_(std::move(deliver)),
        store_(classes * plan.size[2] * static_cast<std::int64_t>(sizeof(float)), plan.size, line_steps(plan), scratch),
        row_(plan.rows.begin()) {}

  void add(const WindowJob& job, std::span<const Logits> networks, std::int64_t i) override {
    if (!row_open_) open_lines(store_, row_->touched);
    row_open_ = true;
    const WindowLogits window(networks.front(), i);
    const float* scale = scale_.layer(job.place[0])->data();
    const std::int64_t lines = plan_.patch[0] * plan_.patch[1];
    const std::int64_t grain = std::max<std::int64_t>(1, kLogitGrain / (classes_ * plan_.patch[2]));
    parallel_ranges(lines, grain, [&](std::int64_t begin, std::int64_t end) {
      std::vector<float> weight(static_cast<std::size_t>(plan_.patch[2]));
      for (std::int64_t line = begin; line < end; ++line)
        add_window_line(job, window, scale, line / plan_.patch[1], line % plan_.patch[1], weight.data());
    });
  }

  void finish(const WindowRow& row) override {
    const LineRange& f = row.finished;
    deliver_({classes_, plan_.size, plan_.size[2], f.z_begin, f.z_end, f.y_begin, f.y_end, store_.lines()});
    store_.release(row.released);
    row_open_ = false;
    ++row_;
    if (row_ != plan_.rows.end()) store_.rest_outside(row_->touched);
  }

  std::int64_t bytes() const override { return store_.bytes(); }

 private:
  /// Line (z,y) of the window, as the network saw it; weight: room for a line.
  void add_window_line(const WindowJob& job, const WindowLogits& logits, const float* scale, std::int64_t z,
                       std::int64_t y, float* weight) {
    const LinePlace place(plan_, job, z, y);
    if (!place.inside) return;
    const std::int64_t scale_y = plan_.grid[1][job.place[1]] + y, scale_x = plan_.grid[2][job.place[2]] + place.begin;
    multiply_values(importance_.data() + (z * plan_.patch[1] + y) * plan_.patch[2] + place.begin,
                    scale + (z * plan_.padded[1] + scale_y) * plan_.padded[2] + scale_x, weight, place.count);
    LogitLine line = logit_line(logits, z, y, place);
    line.weight = weight;
    line.sum = store_.line<float>(place.z, place.y) + place.x;
    line.sum_class_stride = plan_.size[2];
    line.classes = classes_;
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

}  // namespace

std::unique_ptr<CpuSums> make_scaled_sums(const WindowPlan& plan, const Array<float>& importance, std::int64_t classes,
                                          WindowLane::Deliver deliver, const std::filesystem::path& scratch) {
  return std::make_unique<ScaledSums>(plan, importance, classes, std::move(deliver), scratch);
}

}  // namespace nnunet
