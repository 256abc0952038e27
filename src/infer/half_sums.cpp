#include <algorithm>
#include <atomic>

#include "cpu_sums.h"
#include "half_kernels.h"
#include "nnunet/core/error.h"
#include "nnunet/core/parallel.h"

namespace nnunet {
namespace {

using Half = std::uint16_t;

/// A line holds the sums of each network, (K,W), one after another, then those of the weights, (W).
class HalfSums final : public CpuSums {
 public:
  HalfSums(const WindowPlan& plan, const Array<float>& importance, std::int64_t classes, std::size_t networks,
           WindowLane::Deliver deliver, const std::filesystem::path& scratch)
      : plan_(plan),
        importance_(importance),
        classes_(classes),
        networks_(static_cast<std::int64_t>(networks)),
        network_values_(classes * plan.size[2]),
        deliver_(std::move(deliver)),
        store_((networks_ * network_values_ + plan.size[2]) * static_cast<std::int64_t>(sizeof(Half)), plan.size,
               line_steps(plan), scratch),
        row_(plan.rows.begin()) {}

  void add(const WindowJob& job, std::span<const Logits> networks, std::int64_t i) override {
    if (!row_open_) open_lines(store_, row_->touched);
    row_open_ = true;
    std::vector<WindowLogits> windows;
    for (const Logits& logits : networks) windows.emplace_back(logits, i);
    const std::int64_t lines = plan_.patch[0] * plan_.patch[1];
    const std::int64_t grain = std::max<std::int64_t>(1, kLogitGrain / (networks_ * classes_ * plan_.patch[2]));
    parallel_ranges(lines, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t line = begin; line < end; ++line)
        add_window_line(job, windows, line / plan_.patch[1], line % plan_.patch[1]);
    });
  }

  void finish(const WindowRow& row) override {
    const LineRange& f = row.finished;
    divide(f);
    FinishedLogits finished{classes_,  plan_.size, plan_.size[2],  f.z_begin,    f.z_end,
                            f.y_begin, f.y_end,    store_.lines(), SumType::fp16};
    deliver_(finished);
    store_.release(row.released);
    row_open_ = false;
    ++row_;
    if (row_ != plan_.rows.end()) store_.rest_outside(row_->touched);
  }

  std::int64_t bytes() const override { return store_.bytes(); }

 private:
  void add_window_line(const WindowJob& job, const std::vector<WindowLogits>& windows, std::int64_t z, std::int64_t y) {
    const LinePlace place(plan_, job, z, y);
    if (!place.inside) return;
    const float* weight = importance_.data() + (z * plan_.patch[1] + y) * plan_.patch[2] + place.begin;
    Half* sum = store_.line<Half>(place.z, place.y) + place.x;
    for (const WindowLogits& window : windows) {
      LogitLine line = logit_line(window, z, y, place);
      line.weight = weight;
      line.sum_class_stride = plan_.size[2];
      line.classes = classes_;
      add_line_to_halves(line, sum);
      sum += network_values_;
    }
    add_to_halves(weight, sum, place.count);
  }

  /// Sums to logits, in place.
  void divide(const LineRange& range) {
    const std::int64_t height = range.y_end - range.y_begin, lines = (range.z_end - range.z_begin) * height;
    const std::int64_t grain = std::max<std::int64_t>(1, kLogitGrain / (networks_ * network_values_));
    std::atomic<bool> finite = true;
    parallel_ranges(lines, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        if (!divide_line(store_.line<Half>(range.z_begin + i / height, range.y_begin + i % height))) finite = false;
    });
    if (!finite)
      throw Error("sliding window", "the network's logits, or their sums, are too large for float16, or no numbers",
                  "add them up in float32 (precise)");
  }

  bool divide_line(Half* line) const {
    const std::int64_t width = plan_.size[2];
    const Half* weight = line + networks_ * network_values_;
    bool finite = true;
    for (std::int64_t k = 0; k < networks_ * classes_; ++k) finite &= divide_sums(line + k * width, weight, width);
    if (networks_ == 1) return finite;
    for (std::int64_t n = 1; n < networks_; ++n) add_to_halves(line + n * network_values_, line, network_values_);
    divide_halves(line, static_cast<float>(networks_), network_values_);
    return finite && all_finite(line, network_values_);
  }

  const WindowPlan& plan_;
  const Array<float>& importance_;
  std::int64_t classes_, networks_;
  std::int64_t network_values_;  ///< of a network's part of a line
  WindowLane::Deliver deliver_;
  LineStore store_;
  std::vector<WindowRow>::const_iterator row_;
  bool row_open_ = false;
};

}  // namespace

std::unique_ptr<CpuSums> make_half_sums(const WindowPlan& plan, const Array<float>& importance, std::int64_t classes,
                                        std::size_t networks, WindowLane::Deliver deliver,
                                        const std::filesystem::path& scratch) {
  return std::make_unique<HalfSums>(plan, importance, classes, networks, std::move(deliver), scratch);
}

}  // namespace nnunet
