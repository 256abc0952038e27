#include "nnunet/plan/flops.h"

namespace nnunet {

namespace {

using Sizes = std::vector<std::int64_t>;

double product(const Sizes& sizes) {
  double result = 1;
  for (const auto size : sizes) result *= static_cast<double>(size);
  return result;
}

// voxels: of the output, or of the input of a transposed convolution whose kernel is its stride.
double convolution(std::int64_t in, std::int64_t out, const Sizes& kernel, double voxels) {
  return 2 * static_cast<double>(in) * static_cast<double>(out) * product(kernel) * voxels;
}

}  // namespace

NetworkFlops count_flops(const NetworkPlan& plan, const Sizes& patch) {
  const std::size_t levels = plan.filters.size();
  std::vector<double> voxels{product(patch)};  // a level each
  for (std::size_t level = 1; level < levels; ++level) voxels.push_back(voxels.back() / product(plan.strides[level]));

  double forward = 0, first = 0;  // first: of the layers that see the network's input
  for (std::size_t level = 0; level < levels; ++level) {
    const std::int64_t in = level == 0 ? plan.in_channels : plan.filters[level - 1], out = plan.filters[level];
    const Sizes& kernel = plan.kernels[level];
    const bool reshapes = in != out || product(plan.strides[level]) > 1;
    const double entry = convolution(in, out, kernel, voxels[level]);
    const double entries = plan.residual && reshapes ? 2 * entry : entry;  // the shortcut has a convolution of its own
    forward += entries + convolution(out, out, kernel, voxels[level]);
    if (level == 0) first = entries;
  }
  for (std::size_t level = levels - 1; level > 0; --level) {
    const std::int64_t in = plan.filters[level], out = plan.filters[level - 1];
    forward += convolution(in, out, plan.strides[level], voxels[level]) +
               convolution(2 * out, out, plan.kernels[level], voxels[level - 1]) +
               convolution(out, out, plan.kernels[level], voxels[level - 1]);
  }
  forward += convolution(plan.filters.front(), plan.n_class, {1}, voxels.front());
  return {forward, 3 * forward - first};
}

}  // namespace nnunet
