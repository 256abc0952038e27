#include <algorithm>
#include <bit>
#include <utility>

#include "mirrored_mean.h"
#include "nnunet/checkpoint/host_tensor.h"
#include "nnunet/core/parallel.h"
#include "nnunet/infer/window_lane.h"
#include "window_kernels.h"

namespace nnunet {
namespace {

/// Work worth a thread, in logits.
constexpr std::int64_t kGrain = 32768;

/// Logits in float32, contiguous: as they are where they lie so, else a copy.
Logits plain(Logits logits) {
  if (!logits.bf16 && logits.strides == contiguous_strides(logits.shape)) return logits;
  float* to = nullptr;
  Logits copy = Logits::make(logits.shape, to);
  logits.copy_to(to);
  return copy;
}

/// A batch (N,C,spatial) as lines: (n and c, z, y), of `width` numbers.
struct Lines {
  explicit Lines(const std::vector<std::int64_t>& shape)
      : width(shape.back()),
        height(shape[shape.size() - 2]),
        depth(shape.size() == 5 ? shape[2] : 1),
        count(shape[0] * shape[1] * depth * height) {}

  /// Where line i lies in the mirror image.
  std::int64_t mirrored(std::int64_t i, unsigned image) const {
    const std::int64_t y = i % height, z = i / height % depth, slab = i / height / depth;
    const std::int64_t to_y = (image & 2U) != 0 ? height - 1 - y : y, to_z = (image & 1U) != 0 ? depth - 1 - z : z;
    return (slab * depth + to_z) * height + to_y;
  }
  void for_each(const std::function<void(std::int64_t)>& body) const {
    parallel_ranges(count, std::max<std::int64_t>(1, kGrain / width), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) body(i);
    });
  }

  std::int64_t width, height, depth, count;
};

}  // namespace

Logits mean_logits(const std::vector<ForwardFunction>& networks, LogitMemory& memory, const WindowBatch& windows) {
  Logits first = networks.front()(windows);
  if (networks.size() == 1) return first;
  float* sum = nullptr;
  const Logits mean = memory.make(first.shape, sum);
  first.copy_to(sum);
  const auto count = static_cast<std::size_t>(Array<float>::count(mean.shape));
  std::vector<float> next(count);
  const auto for_values = [&](const auto& body) {  // on all cores
    parallel_ranges(static_cast<std::int64_t>(count), kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (auto v = static_cast<std::size_t>(begin); v < static_cast<std::size_t>(end); ++v) body(v);
    });
  };
  for (std::size_t i = 1; i < networks.size(); ++i) {
    first = {};
    networks[i](windows).copy_to(next.data());
    for_values([&](std::size_t v) { sum[v] += next[v]; });
  }
  const auto all = static_cast<float>(networks.size());
  for_values([&](std::size_t v) { sum[v] /= all; });
  return mean;
}

std::size_t MirroredMean::images_at_a_time(const WindowBatch& windows) const {
  constexpr std::int64_t kVoxels = std::int64_t{1} << 19;  // beyond them more windows at a time gain nothing
  const std::int64_t voxels = Array<float>::count(windows.shape) / windows.shape[1];
  const auto fitting = static_cast<std::uint64_t>(std::min<std::int64_t>(4 / windows.size(), kVoxels / voxels));
  return std::min(images_.size(), static_cast<std::size_t>(std::bit_floor(std::max<std::uint64_t>(fitting, 1))));
}

Logits MirroredMean::forward(const ForwardFunction& network, const WindowBatch& windows) {
  if (images_.size() == 1) return network(windows);
  const std::size_t group = images_at_a_time(windows);
  const auto values = static_cast<std::size_t>(Array<float>::count(windows.shape));
  mirrored_.resize(group * values);
  Logits mean;
  float* sum = nullptr;
  for (std::size_t begin = 0; begin < images_.size(); begin += group) {
    const std::size_t count = std::min(group, images_.size() - begin);
    for (std::size_t i = 0; i < count; ++i) mirror(windows, images_[begin + i], mirrored_.data() + i * values);
    std::vector<std::int64_t> shape = windows.shape;
    shape[0] *= static_cast<std::int64_t>(count);
    const Logits next = plain(network({mirrored_.data(), shape}));
    shape = next.shape;
    if (shape.empty() || shape[0] % static_cast<std::int64_t>(count) != 0) return next;  // who asked will say so
    shape[0] /= static_cast<std::int64_t>(count);
    if (begin == 0) {
      mean = sums_.make(shape, sum);
      std::fill_n(sum, Array<float>::count(shape), -0.0F);  // the one number that changes nothing it is added to
    }
    const auto* from = static_cast<const float*>(next.values);
    for (std::size_t i = 0; i < count; ++i, from += Array<float>::count(shape))
      add(from, shape, images_[begin + i], begin + i + 1 == images_.size(), sum);
  }
  return mean;
}

void MirroredMean::mirror(const WindowBatch& windows, unsigned image, float* to) {
  const Lines lines(windows.shape);
  lines.for_each([&](std::int64_t i) {
    const float* from = windows.values + lines.mirrored(i, image) * lines.width;
    float* line = to + i * lines.width;
    if ((image & 4U) != 0)
      copy_mirrored(from + lines.width - 1, line, lines.width);
    else
      std::copy_n(from, lines.width, line);
  });
}

void MirroredMean::add(const float* from, const std::vector<std::int64_t>& shape, unsigned image, bool last,
                       float* sum) const {
  const Lines lines(shape);
  lines.for_each([&](std::int64_t i) {
    const float* line = from + lines.mirrored(i, image) * lines.width;
    float* to = sum + i * lines.width;
    if ((image & 4U) != 0)
      add_mirrored(line + lines.width - 1, to, lines.width);
    else
      add_values(line, to, lines.width);
    if (last) divide_values(to, static_cast<float>(images_.size()), lines.width);
  });
}

}  // namespace nnunet
