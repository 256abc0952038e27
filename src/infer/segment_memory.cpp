#include "nnunet/infer/segment_memory.h"

#include <algorithm>
#include <optional>

#include "nnunet/core/limits.h"
#include "nnunet/io/image_orientation.h"
#include "nnunet/preprocess/case_memory.h"
#include "nnunet/preprocess/transpose.h"

namespace nnunet {
namespace {

/// Bytes of the sums of logits that wait for further windows: the lines that a row of windows reaches, all of them for
/// mirror images of the whole volume.
std::int64_t sum_bytes(const Predictor& predictor, const WindowOptions& options, const Shape3& shape) {
  const SlidingWindowPlan& windows = options.plan;
  if (!options.scratch.empty()) return 0;
  const bool whole = windows.mirror && windows.mirrored_unit == MirroredUnit::volume;
  const std::int64_t depth = windows.dim() == 3 ? std::min(shape[0], windows.patch[0]) : 1;
  const std::int64_t lines = (whole ? shape[0] : depth) * shape[1], classes = predictor.plan().n_class;
  if (windows.sums == SumType::fp32) return lines * shape[2] * classes * 4;
  return lines * shape[2] * (classes * static_cast<std::int64_t>(predictor.networks()) + 1) * 2;
}

Shape3 network_shape(const PreprocessPlan& plan, const Geometry& geometry) {
  const Shape3 shape = in_order(geometry.shape, plan.transpose);
  if (plan.image.method == Resampler::none) return shape;
  return target_shape(plan, shape, in_order(geometry.spacing, plan.transpose));
}

}  // namespace

std::int64_t segment_memory(const Predictor& predictor, const WindowOptions& windows, NiftiInfo image,
                            ImageReader reader) {
  const PreprocessPlan& plan = predictor.model().preprocess;
  const std::int64_t image_bytes = image.voxels() * 4, label_bytes = volume(image.geometry.shape);
  std::int64_t most = 0;
  if (reorients(reader)) {
    canonical_axes(image.geometry, reader, "image");
    most = 2 * image_bytes;
  }
  most = std::max(most, case_memory(image, std::nullopt, plan));
  const Shape3 shape = network_shape(plan, image.geometry);
  if (volume(shape) > limits::image_voxels) return most;  // it will be refused
  const std::int64_t held = image.channels * volume(shape) * 4 + 2 * label_bytes;
  return std::max(most, held + sum_bytes(predictor, windows, shape));
}

}  // namespace nnunet
