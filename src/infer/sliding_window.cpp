#include "nnunet/infer/sliding_window.h"

#include <fmt/format.h>

#include <algorithm>

#include "nnunet/core/array.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"

namespace nnunet {
namespace {

using Sizes = std::vector<std::int64_t>;

/// One forward's worth of one sample: the window of one slice (3D: of the volume) in one flip of it.
struct Job {
  std::int64_t slice = 0;
  std::size_t window = 0;
  unsigned flip = 0;  ///< bit a: spatial axis a is mirrored
};

/// Spatial axes (of a tensor whose last ones they are) that are mirrored, counted from the end.
Sizes flip_axes(unsigned flip, std::int64_t dims) {
  Sizes axes;
  for (std::int64_t a = 0; a < dims; ++a)
    if ((flip >> a) & 1u) axes.push_back(a - dims);
  return axes;
}

torch::Tensor flipped(const torch::Tensor& t, unsigned flip, std::int64_t dims) {
  return flip == 0 ? t : t.flip(flip_axes(flip, dims));
}

/// View of the window at `start` in the last axes.
torch::Tensor window_of(torch::Tensor t, const Sizes& start, const Sizes& patch) {
  const auto first = t.dim() - static_cast<std::int64_t>(patch.size());
  for (std::size_t a = 0; a < patch.size(); ++a) t = t.narrow(first + static_cast<std::int64_t>(a), start[a], patch[a]);
  return t;
}

/// The same window seen from the mirrored volume.
Sizes mirrored(const Sizes& start, const Sizes& size, const Sizes& patch, unsigned flip) {
  Sizes result = start;
  for (std::size_t a = 0; a < start.size(); ++a)
    if ((flip >> a) & 1u) result[a] = size[a] - patch[a] - start[a];
  return result;
}

/// All windows of a volume, row-major.
std::vector<Sizes> window_grid(const Sizes& size, const Sizes& patch, double overlap) {
  std::vector<Sizes> grid{{}};
  for (std::size_t a = 0; a < size.size(); ++a) {
    std::vector<Sizes> next;
    for (const Sizes& prefix : grid) {
      for (const std::int64_t start : window_starts(size[a], patch[a], overlap)) {
        next.push_back(prefix);
        next.back().push_back(start);
      }
    }
    grid = std::move(next);
  }
  return grid;
}

void check(const torch::Tensor& volume, const WindowOptions& options) {
  const auto dims = options.patch_size.size();
  if (volume.dim() != 4)
    throw Error("sliding window", fmt::format("volume has {} axes, not 4 (C,D,H,W)", volume.dim()));
  if (volume.numel() == 0) throw Error("sliding window", "the volume is empty");
  if (dims != 2 && dims != 3) throw Error("sliding window", "the patch has neither two nor three sizes");
  if (std::ranges::any_of(options.patch_size, [](auto n) { return n < 1; }))
    throw Error("sliding window", "a patch size is not positive");
  if (!(options.overlap >= 0 && options.overlap < 1))
    throw Error("--overlap", fmt::format("{} is not in [0, 1)", options.overlap), "0.5 is usual");
  if (options.batch_size < 1) throw Error("--val_batch_size", "must be at least 1");
}

/// The blended logits of samples (S,C,spatial): windows are forwarded in batches that may mix slices, windows and
/// flips.
class Blender {
 public:
  Blender(torch::Tensor samples, const ForwardFunction& forward, const WindowOptions& options)
      : samples_(std::move(samples)),
        forward_(forward),
        patch_(options.patch_size),
        dims_(static_cast<std::int64_t>(patch_.size())),
        size_(samples_.sizes().slice(2).vec()),
        grid_(window_grid(size_, patch_, options.overlap)),
        flips_(options.tta ? 1u << patch_.size() : 1u),
        batch_size_(options.batch_size) {
    compute_weights(options.blend);
  }

  /// (K,S,spatial)
  torch::Tensor run() {
    // Flips innermost: they share the window's weights and its place in the cache.
    const auto slices = samples_.size(0);
    std::vector<Job> batch;
    for (std::size_t w = 0; w < grid_.size(); ++w) {
      for (std::int64_t s = 0; s < slices; ++s) {
        for (unsigned f = 0; f < flips_; ++f) {
          batch.push_back({s, w, f});
          if (static_cast<std::int64_t>(batch.size()) == batch_size_) flush(batch);
        }
      }
    }
    flush(batch);
    return sum_;
  }

 private:
  /// Every window's weights are divided by the sum of all weights at their voxels (times the number of flips), so that
  /// logits only need adding. Windows of a mirrored volume have the same places in it, hence the same weights.
  void compute_weights(Blend blend) {
    importance_ = window_weights(patch_, blend).to(samples_.device());
    auto total = torch::zeros(size_, importance_.options());
    for (const Sizes& start : grid_) window_of(total, start, patch_).add_(importance_);
    scale_ = total.mul_(static_cast<double>(flips_)).reciprocal_();
  }

  void flush(std::vector<Job>& batch) {
    if (batch.empty()) return;
    const auto count = static_cast<std::int64_t>(batch.size());
    Sizes shape{count, samples_.size(1)};
    shape.insert(shape.end(), patch_.begin(), patch_.end());
    auto windows = torch::empty(shape, samples_.options());
    for (std::int64_t i = 0; i < count; ++i) {
      const Job& job = batch[static_cast<std::size_t>(i)];
      const Sizes start = mirrored(grid_[job.window], size_, patch_, job.flip);
      windows[i].copy_(flipped(window_of(samples_[job.slice], start, patch_), job.flip, dims_));
    }
    const auto logits = forward_(windows);
    if (logits.dim() != windows.dim() || logits.size(0) != count || logits.sizes().slice(2) != windows.sizes().slice(2))
      throw Error("sliding window", "the network's output has another size than its input",
                  "patch sizes must be divisible by the network's strides");
    if (!sum_.defined()) allocate(logits.size(1));
    // bf16 logits from the GPU are widened where they are added.
    const auto values = logits.to(sum_.device(), torch::kFloat32);
    for (std::int64_t i = 0; i < count; ++i) add(batch[static_cast<std::size_t>(i)], values[i]);
    batch.clear();
  }

  void allocate(std::int64_t classes) {
    Sizes shape{classes, samples_.size(0)};
    shape.insert(shape.end(), size_.begin(), size_.end());
    try {
      sum_ = torch::zeros(shape, samples_.options());
    } catch (const c10::OutOfMemoryError&) {
      log::warn("the logits do not fit into the GPU's memory; they are added up on the CPU");
      sum_ = torch::zeros(shape, torch::kFloat32);
      importance_ = importance_.cpu();
      scale_ = scale_.cpu();
    }
  }

  void add(const Job& job, const torch::Tensor& logits) {
    if (job.window != weight_of_ || !weight_.defined()) {
      weight_ = importance_ * window_of(scale_, grid_[job.window], patch_);
      weight_of_ = job.window;
    }
    const Sizes start = mirrored(grid_[job.window], size_, patch_, job.flip);
    auto place = window_of(sum_.select(1, job.slice), start, patch_);
    place.addcmul_(flipped(logits, job.flip, dims_), flipped(weight_, job.flip, dims_));
  }

  torch::Tensor samples_;  ///< (S,C,spatial)
  const ForwardFunction& forward_;
  Sizes patch_;
  std::int64_t dims_;
  Sizes size_;
  std::vector<Sizes> grid_;
  unsigned flips_;
  std::int64_t batch_size_;
  torch::Tensor importance_, scale_;  ///< of a window; 1 / (sum of weights * flips) of the volume
  torch::Tensor weight_;              ///< importance * scale of window weight_of_
  std::size_t weight_of_ = 0;
  torch::Tensor sum_;  ///< (K,S,spatial)
};

}  // namespace

Blend blend_from_name(const std::string& name) {
  if (name == "gaussian") return Blend::gaussian;
  if (name == "constant") return Blend::constant;
  throw Error("--blend", "unknown blend '" + name + "'", "give gaussian or constant");
}

std::vector<std::int64_t> window_starts(std::int64_t size, std::int64_t patch, double overlap) {
  const auto step = std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(patch) * (1.0 - overlap)));
  std::vector<std::int64_t> starts;
  for (std::int64_t start = 0; start + patch < size; start += step) starts.push_back(start);
  starts.push_back(std::max<std::int64_t>(0, size - patch));
  return starts;
}

torch::Tensor window_weights(const std::vector<std::int64_t>& patch, Blend blend) {
  if (blend == Blend::constant) return torch::ones(patch);
  torch::Tensor weights = torch::ones({});
  for (const std::int64_t n : patch) {
    const double sigma = 0.125 * static_cast<double>(n);
    const auto x = torch::arange(n, torch::kFloat32) - static_cast<double>(n - 1) / 2.0;
    weights = weights.unsqueeze(-1) * torch::exp(x.square() / (-2.0 * sigma * sigma));
  }
  return weights.clamp_min_(std::max(weights.min().item<double>(), 1e-3)).contiguous();
}

torch::Tensor sliding_window(const torch::Tensor& volume, const ForwardFunction& forward,
                             const WindowOptions& options) {
  torch::NoGradGuard no_grad;
  check(volume, options);
  const std::size_t dims = options.patch_size.size();

  // Zero-padding to the patch, half before and the rest after; constant_pad_nd wants the last axis first.
  Sizes before(dims, 0), pad;
  for (std::size_t a = dims; a-- > 0;) {
    const std::int64_t size = volume.size(static_cast<std::int64_t>(a + 4 - dims));
    const std::int64_t missing = std::max<std::int64_t>(0, options.patch_size[a] - size);
    before[a] = missing / 2;
    pad.insert(pad.end(), {before[a], missing - before[a]});
  }
  auto samples = volume.to(options.device, torch::kFloat32);
  if (std::ranges::any_of(pad, [](auto n) { return n != 0; })) samples = torch::constant_pad_nd(samples, pad, 0);
  samples = dims == 3 ? samples.unsqueeze(0) : samples.transpose(0, 1);

  auto logits = Blender(samples, forward, options).run();  // (K,S,spatial)
  if (dims == 3) logits = logits.squeeze(1);
  const Sizes size = volume.sizes().slice(static_cast<std::size_t>(4 - static_cast<int>(dims))).vec();
  return window_of(logits, before, size).to(torch::kCPU).contiguous();
}

torch::Tensor slice_by_slice(const torch::Tensor& volume, const ForwardFunction& forward,
                             const WindowOptions& options) {
  WindowOptions whole = options;
  whole.patch_size = {volume.size(-2), volume.size(-1)};
  whole.blend = Blend::constant;
  return sliding_window(volume, forward, whole);
}

}  // namespace nnunet
