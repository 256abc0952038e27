#include <algorithm>
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

Logits MirroredMean::forward(const ForwardFunction& network, const WindowBatch& windows) {
  if (images_.size() == 1) return network(windows);
  const std::size_t together = images_together(windows.shape);
  const std::int64_t values = Array<float>::count(windows.shape);
  mirrored_.resize(together * static_cast<std::size_t>(values));
  Logits mean;
  float* sum = nullptr;
  for (std::size_t first = 0; first < images_.size(); first += together) {
    const std::size_t count = std::min(together, images_.size() - first);
    for (std::size_t i = 0; i < count; ++i)
      mirror(windows, images_[first + i], mirrored_.data() + static_cast<std::int64_t>(i) * values);
    std::vector<std::int64_t> shape = windows.shape;
    shape[0] *= static_cast<std::int64_t>(count);
    const Logits next = plain(network({mirrored_.data(), shape}));
    if (first == 0) {
      shape = next.shape;
      shape[0] = windows.shape[0];
      mean = sums_.make(shape, sum);
    }
    for (std::size_t i = 0; i < count; ++i) add(next, i, mean.shape, first + i, sum);
  }
  return mean;
}

std::size_t MirroredMean::images_together(const std::vector<std::int64_t>& shape) {
  constexpr std::int64_t kWindows = 4, kVoxels = std::int64_t{1} << 19;
  const std::int64_t voxels = Array<float>::count({shape.begin() + 2, shape.end()});
  return static_cast<std::size_t>(std::max<std::int64_t>(1, std::min(kWindows, kVoxels / voxels) / shape[0]));
}

void MirroredMean::mirror(const WindowBatch& windows, unsigned image, float* mirrored) {
  const Lines lines(windows.shape);
  lines.for_each([&](std::int64_t i) {
    const float* from = windows.values + lines.mirrored(i, image) * lines.width;
    float* to = mirrored + i * lines.width;
    if ((image & 4U) != 0)
      copy_mirrored(from + lines.width - 1, to, lines.width);
    else
      std::copy_n(from, lines.width, to);
  });
}

void MirroredMean::add(const Logits& logits, std::size_t place, const std::vector<std::int64_t>& shape,
                       std::size_t image, float* sum) const {
  const Lines lines(shape);
  const auto* values =
      static_cast<const float*>(logits.values) + static_cast<std::int64_t>(place) * lines.count * lines.width;
  const unsigned axes = images_[image];
  const bool last = image + 1 == images_.size();
  lines.for_each([&](std::int64_t i) {
    const float* from = values + lines.mirrored(i, axes) * lines.width;
    float* to = sum + i * lines.width;
    if (image == 0)
      std::copy_n(from, lines.width, to);
    else if ((axes & 4U) != 0)
      add_mirrored(from + lines.width - 1, to, lines.width);
    else
      add_values(from, to, lines.width);
    if (last) divide_values(to, static_cast<float>(images_.size()), lines.width);
  });
}

}  // namespace nnunet
