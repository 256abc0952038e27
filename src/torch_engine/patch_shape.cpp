#include <fmt/format.h>

#include "engines.h"
#include "nnunet/core/array.h"
#include "nnunet/core/error.h"

namespace nnunet {
namespace {

std::vector<std::int64_t> shape_of(std::int64_t batch, std::int64_t channels, const std::vector<std::int64_t>& patch) {
  std::vector<std::int64_t> shape{batch, channels};
  shape.insert(shape.end(), patch.begin(), patch.end());
  return shape;
}

}  // namespace

PatchShape::PatchShape(const Checkpoint& checkpoint)
    : in_channels(checkpoint.plan.in_channels), classes(checkpoint.plan.n_class), patch(checkpoint.data.patch_size) {}

std::vector<std::int64_t> PatchShape::input(std::int64_t batch) const {
  return shape_of(batch, in_channels, patch);
}

std::vector<std::int64_t> PatchShape::output(std::int64_t batch) const {
  return shape_of(batch, classes, patch);
}

void PatchShape::check(const WindowBatch& windows) const {
  if (windows.shape.empty() || windows.shape != input(windows.size()))
    throw Error("network input",
                fmt::format("{} where this engine takes {}", shape_text(windows.shape), shape_text(input(-1))),
                "use the patch size of the training, or --engine native");
}

}  // namespace nnunet
