#include "nnunet/infer/sliding_window.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "nnunet/core/array.h"
#include "nnunet/core/error.h"
#include "nnunet/core/parallel.h"
#include "nnunet/infer/window_plan.h"
#include "window_kernels.h"

namespace nnunet {
namespace {

using Clock = std::chrono::steady_clock;

void check(const VolumeView& volume, const WindowOptions& options) {
  const auto dims = options.patch_size.size();
  if (volume.shape.size() != 4)
    throw Error("sliding window", fmt::format("volume has {} axes, not 4 (C,D,H,W)", volume.shape.size()));
  if (Array<float>::count(volume.shape) == 0) throw Error("sliding window", "the volume is empty");
  if (dims != 2 && dims != 3) throw Error("sliding window", "the patch has neither two nor three sizes");
  if (std::ranges::any_of(options.patch_size, [](auto n) { return n < 1; }))
    throw Error("sliding window", "a patch size is not positive");
  if (!(options.overlap >= 0 && options.overlap < 1))
    throw Error("--overlap", fmt::format("{} is not in [0, 1)", options.overlap), "0.5 is usual");
  if (options.batch_size < 1) throw Error("--val_batch_size", "must be at least 1");
}

Shape3 size_of(const VolumeView& volume) {
  return {volume.shape[1], volume.shape[2], volume.shape[3]};
}

/// The patch with a depth: 1 for windows of slices.
Shape3 patch_of(const WindowOptions& options) {
  const auto& p = options.patch_size;
  return p.size() == 3 ? Shape3{p[0], p[1], p[2]} : Shape3{1, p[0], p[1]};
}

/// One volume's pass through the network.
class Pass {
 public:
  Pass(const VolumeView& volume, WindowLane& lane, const WindowOptions& options, const std::vector<LogitSink*>& sinks)
      : volume_(volume),
        lane_(lane),
        options_(options),
        sinks_(sinks),
        plan_(size_of(volume), patch_of(options), options.overlap, options.tta, options.patch_size.size() == 2),
        importance_(window_weights({plan_.patch.begin(), plan_.patch.end()}, options.blend)) {}

  WindowReport run() {
    const auto start = Clock::now();
    lane_.begin(plan_, importance_, [this](const FinishedLogits& logits) {
      for (LogitSink* sink : sinks_) sink->take(logits);
    });
    const std::size_t all = plan_.jobs.size(), batch = static_cast<std::size_t>(options_.batch_size);
    for (std::size_t begin = 0; begin < all; begin += batch) {
      const std::size_t end = std::min(all, begin + batch);
      const auto windows = gather(begin, end);
      const std::int64_t classes = network(windows);
      if (begin == 0) make_sums(classes);
      lane_.settle();
      if (end == all) wait();
      for (std::size_t i = begin; i < end; ++i) add(i, static_cast<std::int64_t>(i - begin));
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

  /// Windows of jobs [begin, end), mirrored and padded on the way; their shape.
  std::vector<std::int64_t> gather(std::size_t begin, std::size_t end) const {
    const std::int64_t channels = volume_.shape[0], depth = plan_.patch[0];
    std::vector<std::int64_t> shape{static_cast<std::int64_t>(end - begin), channels};
    shape.insert(shape.end(), options_.patch_size.begin(), options_.patch_size.end());
    float* to = lane_.input(shape);
    const std::int64_t area = plan_.patch[1] * plan_.patch[2];
    parallel_ranges(shape[0] * channels * depth, std::max<std::int64_t>(1, 32768 / area),
                    [&](std::int64_t first, std::int64_t last) {
                      for (std::int64_t i = first; i < last; ++i)
                        gather_slice(plan_.jobs[begin + static_cast<std::size_t>(i / (channels * depth))],
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

  /// Window i of the plan, window `place` of the batch.
  void add(std::size_t i, std::int64_t place) {
    lane_.add(plan_.jobs[i], place);
    if (i + 1 < plan_.rows[row_].end_job) return;
    lane_.finish(plan_.rows[row_]);
    ++row_;
  }

  const VolumeView& volume_;
  WindowLane& lane_;
  const WindowOptions& options_;
  const std::vector<LogitSink*>& sinks_;
  WindowPlan plan_;
  Array<float> importance_;  ///< (d,h,w)
  std::size_t row_ = 0;
  WindowReport report_;
};

}  // namespace

std::vector<std::int64_t> window_starts(std::int64_t size, std::int64_t patch, double overlap) {
  const auto step = std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(patch) * (1.0 - overlap)));
  std::vector<std::int64_t> starts;
  for (std::int64_t start = 0; start + patch < size; start += step) starts.push_back(start);
  starts.push_back(std::max<std::int64_t>(0, size - patch));
  return starts;
}

Array<float> window_weights(const std::vector<std::int64_t>& patch, Blend blend) {
  Array<float> weights({1}, 1.0F);
  for (const std::int64_t n : patch) {
    const double sigma = 0.125 * static_cast<double>(n);
    const auto factor = static_cast<float>(-2.0 * sigma * sigma);
    const float middle = static_cast<float>(n - 1) / 2.0F;
    Array<float> wider({weights.numel() * n});
    for (std::int64_t i = 0; i < n; ++i) {
      const float x = static_cast<float>(i) - middle;
      // Rounded once, so that the weights do not hang on a vector library.
      const auto axis = static_cast<float>(std::exp(static_cast<double>(x * x / factor)));
      for (std::int64_t w = 0; w < weights.numel(); ++w)
        wider.values[static_cast<std::size_t>(w * n + i)] =
            blend == Blend::constant ? 1.0F : weights.values[static_cast<std::size_t>(w)] * axis;
    }
    weights = std::move(wider);
  }
  weights.shape = patch;
  const float least = std::max(std::ranges::min(weights.values), 1e-3F);
  for (float& w : weights.values) w = std::max(w, least);
  return weights;
}

WindowReport stream_windows(const VolumeView& volume, WindowLane& lane, const WindowOptions& options,
                            const std::vector<LogitSink*>& sinks) {
  check(volume, options);
  return Pass(volume, lane, options, sinks).run();
}

}  // namespace nnunet
