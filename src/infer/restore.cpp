#include "nnunet/infer/restore.h"

#include <fmt/format.h>

#include <span>

#include "nnunet/core/error.h"
#include "nnunet/core/parallel.h"
#include "nnunet/infer/argmax.h"
#include "nnunet/preprocess/resample.h"

namespace nnunet {
namespace {

Shape3 box_shape(const OriginalGrid& grid) {
  return {grid.crop_end[0] - grid.crop_start[0], grid.crop_end[1] - grid.crop_start[1],
          grid.crop_end[2] - grid.crop_start[2]};
}

Shape3 spatial_shape(const torch::Tensor& logits) {
  return {logits.size(1), logits.size(2), logits.size(3)};
}

torch::Tensor checked(const std::string& name, const torch::Tensor& logits, const OriginalGrid& grid) {
  if (logits.dim() != 4 || logits.numel() == 0 || logits.size(0) > 256)
    throw Error(name,
                fmt::format("logits {} are not (classes,D,H,W) of at most 256 classes", shape_text(logits.sizes())));
  for (std::size_t a = 0; a < 3; ++a)
    if (grid.crop_start[a] < 0 || grid.crop_start[a] >= grid.crop_end[a] || grid.crop_end[a] > grid.shape[a])
      throw Error(name, "the crop box does not lie within the original image", "run preprocess again");
  return logits.to(torch::kCPU, torch::kFloat32).contiguous();
}

std::span<const float> class_values(const torch::Tensor& logits, std::int64_t k) {
  const auto voxels = static_cast<std::size_t>(logits[0].numel());
  return {logits.const_data_ptr<float>() + static_cast<std::size_t>(k) * voxels, voxels};
}

/// Calls body(z) for the slices of the box, in parallel.
void for_slices(const Shape3& box, int threads, const std::function<void(std::int64_t)>& body) {
  parallel_for(box[0], threads, body);
}

/// Index of the box's row (z, y) in a volume of the original grid.
std::size_t row_offset(const OriginalGrid& grid, std::int64_t z, std::int64_t y) {
  return static_cast<std::size_t>(((z + grid.crop_start[0]) * grid.shape[1] + y + grid.crop_start[1]) * grid.shape[2] +
                                  grid.crop_start[2]);
}

/// Copies a volume of the box's size to its place.
template <class T>
void paste(std::span<const T> values, const Shape3& box, std::span<T> volume, const OriginalGrid& grid) {
  for (std::int64_t z = 0; z < box[0]; ++z)
    for (std::int64_t y = 0; y < box[1]; ++y)
      std::copy_n(values.begin() + (z * box[1] + y) * box[2], box[2],
                  volume.begin() + static_cast<std::ptrdiff_t>(row_offset(grid, z, y)));
}

/// Largest class of each voxel of the box, with one resampled class held at a time.
void argmax_resampled(const torch::Tensor& logits, const Shape3& box, bool anisotropic, int threads,
                      std::span<std::uint8_t> labels) {
  const Shape3 from = spatial_shape(logits);
  std::vector<float> best(labels.size()), values(labels.size());
  resample_linear(class_values(logits, 0), from, best, box, anisotropic, threads);
  const std::int64_t slice = box[1] * box[2];
  for (std::int64_t k = 1; k < logits.size(0); ++k) {
    resample_linear(class_values(logits, k), from, values, box, anisotropic, threads);
    for_slices(box, threads, [&](std::int64_t z) {
      const auto begin = static_cast<std::size_t>(z * slice), end = static_cast<std::size_t>((z + 1) * slice);
      const auto label = static_cast<std::uint8_t>(k);
      for (std::size_t i = begin; i < end; ++i) {
        const bool larger = values[i] > best[i];
        labels[i] = larger ? label : labels[i];
        best[i] = larger ? values[i] : best[i];
      }
    });
  }
}

}  // namespace

Array<std::uint8_t> restore_labels(const std::string& name, const torch::Tensor& logits, const OriginalGrid& grid,
                                   int threads) {
  const auto values = checked(name, logits, grid);
  const Shape3 box = box_shape(grid);
  std::vector<std::uint8_t> labels(static_cast<std::size_t>(volume(box)), 0);
  if (spatial_shape(values) == box)
    argmax_classes({values.const_data_ptr<float>(), static_cast<std::size_t>(values.numel())}, values.size(0), labels);
  else
    argmax_resampled(values, box, grid.anisotropic, threads, labels);

  Array<std::uint8_t> result({grid.shape[0], grid.shape[1], grid.shape[2]});
  paste<std::uint8_t>(labels, box, result.values, grid);
  return result;
}

Array<float> restore_probabilities(const std::string& name, const torch::Tensor& logits, const OriginalGrid& grid,
                                   int threads) {
  const auto values = checked(name, logits, grid);
  const Shape3 from = spatial_shape(values), box = box_shape(grid);
  const std::int64_t classes = values.size(0);
  Array<float> result({classes, grid.shape[0], grid.shape[1], grid.shape[2]});
  std::fill_n(result.values.begin(), volume(grid.shape), 1.0F);

  std::vector<float> resampled(from == box ? 0 : static_cast<std::size_t>(volume(box)));
  for (std::int64_t k = 0; k < classes; ++k) {
    if (from != box) resample_linear(class_values(values, k), from, resampled, box, grid.anisotropic, threads);
    paste<float>(from == box ? class_values(values, k) : std::span<const float>(resampled), box, result.slab(k), grid);
  }

  // Softmax in place, one slice of the box at a time.
  torch::NoGradGuard no_grad;
  auto probabilities = torch::from_blob(result.data(), result.shape, torch::kFloat32);
  for (std::size_t a = 0; a < 3; ++a)
    probabilities = probabilities.narrow(static_cast<std::int64_t>(a) + 1, grid.crop_start[a], box[a]);
  for (std::int64_t z = 0; z < box[0]; ++z) {
    auto slice = probabilities.select(1, z);
    slice.copy_(torch::softmax(slice, 0));
  }
  return result;
}

}  // namespace nnunet
