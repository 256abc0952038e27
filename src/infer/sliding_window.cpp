#include "nnunet/infer/sliding_window.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include "constant_windows.h"
#include "nnunet/core/array.h"
#include "nnunet/core/error.h"
#include "nnunet/core/parallel.h"
#include "nnunet/infer/window_plan.h"
#include "window_kernels.h"

namespace nnunet {
namespace {

using Clock = std::chrono::steady_clock;

void check(const VolumeView& volume, const WindowOptions& options) {
  const SlidingWindowPlan& plan = options.plan;
  if (volume.shape.size() != 4)
    throw Error("sliding window", fmt::format("volume has {} axes, not 4 (C,D,H,W)", volume.shape.size()));
  if (Array<float>::count(volume.shape) == 0) throw Error("sliding window", "the volume is empty");
  if (!(plan.overlap >= 0 && plan.overlap < 1))
    throw Error("overlap", fmt::format("{} is not in [0, 1)", plan.overlap), "0.5 is usual");
  check_sliding_window_plan(plan, "sliding window");
  if (plan.sums == SumType::fp16 && plan.mirror && plan.mirrored_unit == MirroredUnit::volume)
    throw Error("sliding window", "sums in float16 over mirror images of the whole volume are not known",
                "mirror each window, or add up in float32");
  if (plan.starts == StartRule::evenly_spread && plan.overlap > 0.999)
    throw Error("sliding window", fmt::format("steps of {} of a window are too small", 1 - plan.overlap));
  if (options.batch_size < 1) throw Error("batch size", "must be at least 1");
}

Shape3 size_of(const VolumeView& volume) {
  return {volume.shape[1], volume.shape[2], volume.shape[3]};
}

/// One volume's pass through the network.
class Pass {
 public:
  Pass(const VolumeView& volume, WindowLane& lane, const WindowOptions& options, const std::vector<LogitSink*>& sinks)
      : volume_(volume),
        lane_(lane),
        options_(options),
        sinks_(sinks),
        plan_(size_of(volume), options.plan),
        importance_(window_weights(options.plan)),
        constants_(find_constant_windows(volume, plan_)) {
    importance_.shape = {plan_.patch.begin(), plan_.patch.end()};
  }

  WindowReport run() {
    const auto start = Clock::now();
    lane_.keep_waiting_sums_in(options_.scratch);
    lane_.begin(plan_, importance_, [this](const FinishedLogits& logits) {
      for (LogitSink* sink : sinks_) sink->take(logits);
    });
    const std::size_t all = plan_.jobs.size();
    for (std::size_t begin = 0; begin < all;) {
      const std::size_t end = choose_batch(begin);
      if (!batch_.empty()) {
        const std::int64_t classes = network(gather());
        if (report_.classes == 0) make_sums(classes);
      }
      lane_.settle();
      if (end == all) wait();
      for (std::size_t i = begin; i < end; ++i) add(i, sources_[i - begin]);
      choose_kept();
      begin = end;
    }
    lane_.settle();
    report_.windows = static_cast<std::int64_t>(all);
    report_.sum_bytes = lane_.bytes();
    if (lane_.runs_beside())
      report_.network_seconds = std::chrono::duration<double>(report_.last_window - start).count();
    return report_;
  }

 private:
  static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  /// The next jobs' windows that the network has to see, a batch of them; one past the last job that they complete.
  std::size_t choose_batch(std::size_t begin) {
    batch_.clear();
    sources_.clear();
    places_.clear();
    std::size_t end = begin;
    for (; end < plan_.jobs.size(); ++end) {
      const auto& value = constants_.of_job[end];
      const auto known = value ? places_.find(*value) : places_.end();
      if (value && (value == kept_ || known != places_.end())) {
        sources_.push_back(value == kept_ ? kKept : known->second);
        ++report_.constant_windows;
        continue;
      }
      if (batch_.size() == static_cast<std::size_t>(options_.batch_size)) break;
      sources_.push_back(static_cast<std::int64_t>(batch_.size()));
      if (value) places_[*value] = sources_.back();
      batch_.push_back(end);
    }
    return end;
  }

  /// The batch's windows, mirrored and padded on the way; their shape.
  std::vector<std::int64_t> gather() const {
    const std::int64_t channels = volume_.shape[0], depth = plan_.patch[0];
    std::vector<std::int64_t> shape{static_cast<std::int64_t>(batch_.size()), channels};
    shape.insert(shape.end(), options_.plan.patch.begin(), options_.plan.patch.end());
    float* to = lane_.input(shape);
    const std::int64_t area = plan_.patch[1] * plan_.patch[2];
    parallel_ranges(shape[0] * channels * depth, std::max<std::int64_t>(1, 32768 / area),
                    [&](std::int64_t first, std::int64_t last) {
                      for (std::int64_t i = first; i < last; ++i)
                        gather_slice(plan_.jobs[batch_[static_cast<std::size_t>(i / (channels * depth))]],
                                     i / depth % channels, i % depth, to + i * area);
                    });
    return shape;
  }

  /// Slice z of a window, as the network is to see it.
  void gather_slice(const WindowJob& job, std::int64_t channel, std::int64_t z, float* to) const {
    const auto [depth, height, width] = plan_.patch;
    const auto [size_z, size_y, size_x] = plan_.size;
    const std::int64_t from_z = job.start[0] + (job.mirrored(0) ? depth - 1 - z : z);
    const std::int64_t before = std::max<std::int64_t>(0, -job.start[2]), inside = std::min(size_x, width);
    for (std::int64_t y = 0; y < height; ++y, to += width) {
      const std::int64_t from_y = job.start[1] + (job.mirrored(1) ? height - 1 - y : y);
      const bool outside = from_z < 0 || from_z >= size_z || from_y < 0 || from_y >= size_y;
      if (outside || inside < width) std::fill_n(to, width, 0.0F);
      if (outside) continue;
      const float* from =
          volume_.values + ((channel * size_z + from_z) * size_y + from_y) * size_x + job.start[2] + before;
      if (job.mirrored(2))
        copy_mirrored(from + inside - 1, to + width - before - inside, inside);
      else
        std::copy_n(from, inside, to + before);
    }
  }

  void wait() {
    lane_.wait();
    if (lane_.runs_beside()) report_.last_window = Clock::now();
  }

  /// Classes of its logits.
  std::int64_t network(const std::vector<std::int64_t>& windows) {
    const auto start = Clock::now();
    const auto logits = lane_.run();
    report_.network_seconds += seconds_since(start);
    report_.last_window = Clock::now();
    if (logits.size() != windows.size() || logits[0] != windows[0] ||
        !std::equal(logits.begin() + 2, logits.end(), windows.begin() + 2))
      throw Error("sliding window", "the network's output has another size than its input",
                  "patch sizes must be divisible by the network's strides");
    return logits[1];
  }

  void make_sums(std::int64_t classes) {
    report_.classes = classes;
    for (LogitSink* sink : sinks_) sink->begin(classes, plan_.size);
    lane_.make_sums(classes);
  }

  /// Window i of the plan.
  void add(std::size_t i, std::int64_t source) {
    if (source == kKept)
      lane_.add_kept(plan_.jobs[i]);
    else
      lane_.add(plan_.jobs[i], source);
    if (const auto& value = constants_.of_job[i]) --constants_.left[*value];
    if (i + 1 < plan_.rows[row_].end_job) return;
    lane_.finish(plan_.rows[row_]);
    ++row_;
  }

  /// Of all values at hand, the output of that which most windows to come have.
  void choose_kept() {
    std::optional<std::size_t> best = kept_;
    for (const auto& [value, place] : places_)
      if (!best || constants_.left[value] > constants_.left[*best]) best = value;
    if (best && (constants_.left[*best] == 0 || !may_keep())) best.reset();
    if (best == kept_) return;
    if (best)
      lane_.keep(places_.at(*best));
    else
      lane_.forget_kept();
    kept_ = best;
  }

  /// With little memory a large output is rather computed again.
  bool may_keep() const {
    constexpr std::int64_t kMost = std::int64_t{16} << 20;  // values
    return options_.scratch.empty() || report_.classes * volume(plan_.patch) <= kMost;
  }

  static constexpr std::int64_t kKept = -1;  ///< instead of a place in the batch

  const VolumeView& volume_;
  WindowLane& lane_;
  const WindowOptions& options_;
  const std::vector<LogitSink*>& sinks_;
  WindowPlan plan_;
  Array<float> importance_;  ///< (d,h,w)
  ConstantWindows constants_;
  std::vector<std::size_t> batch_;              ///< jobs
  std::vector<std::int64_t> sources_;           ///< where the jobs' outputs come from: places in the batch, or kKept
  std::map<std::size_t, std::int64_t> places_;  ///< in the batch, by value of constant windows
  std::optional<std::size_t> kept_;             ///< the value of the window whose output the lane keeps
  std::size_t row_ = 0;
  WindowReport report_;
};

}  // namespace

namespace {

/// 1 - overlap, which was 1 - step: the step is meant in decimals, and the last bit of that difference could add a
/// window.
double step_share(double overlap) {
  constexpr double kDigits = 1e15;
  return std::round((1.0 - overlap) * kDigits) / kDigits;
}

std::vector<std::int64_t> evenly_spread_starts(std::int64_t size, std::int64_t patch, double overlap) {
  const auto room = static_cast<double>(size - patch);
  const auto steps = static_cast<std::int64_t>(std::ceil(room / (static_cast<double>(patch) * step_share(overlap))));
  std::vector<std::int64_t> starts{0};
  for (std::int64_t i = 1; i <= steps; ++i)
    starts.push_back(std::lrint(room / static_cast<double>(steps) * static_cast<double>(i)));
  return starts;
}

}  // namespace

std::vector<std::int64_t> window_starts(std::int64_t size, std::int64_t patch, double overlap, StartRule rule) {
  if (rule == StartRule::evenly_spread) return evenly_spread_starts(size, patch, overlap);
  const auto step = std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(patch) * (1.0 - overlap)));
  std::vector<std::int64_t> starts;
  for (std::int64_t start = 0; start + patch < size; start += step) starts.push_back(start);
  starts.push_back(std::max<std::int64_t>(0, size - patch));
  return starts;
}

WindowOptions reference_windows(std::vector<std::int64_t> patch, double overlap, Blend blend, std::int64_t batch_size,
                                bool tta) {
  WindowOptions options;
  options.plan.mirror_axes.resize(patch.size());
  std::iota(options.plan.mirror_axes.begin(), options.plan.mirror_axes.end(), 0);
  options.plan.patch = std::move(patch);
  options.plan.overlap = overlap;
  options.plan.weights = blend == Blend::gaussian ? WindowWeights::gaussian : WindowWeights::constant;
  options.plan.mirror = tta;
  options.batch_size = batch_size;
  return options;
}

WindowReport stream_windows(const VolumeView& volume, WindowLane& lane, const WindowOptions& options,
                            const std::vector<LogitSink*>& sinks) {
  check(volume, options);
  return Pass(volume, lane, options, sinks).run();
}

}  // namespace nnunet
