#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nnunet/kernels/blocked.h"
#include "nnunet/plan/plan.h"

/// The U-Net on kernels of our own (docs/kernels.md): activations in blocks of sixteen channels from the first layer to
/// the last, each written once and read once; normalisation and LeakyReLU happen while the next layer reads.
namespace nnunet {

struct NamedShape {
  std::string name;
  std::vector<std::int64_t> shape;
};
/// The parameters of UNet (network/unet.h): names, order and shapes.
std::vector<NamedShape> parameters_of(const NetworkPlan& plan);
/// How many normalisation layers it has: each has running statistics with batch norm, in the parameters' order.
std::int64_t norm_layers_of(const NetworkPlan& plan);

/// Running mean and variance of a batch norm, (C) each.
struct RunningStatistics {
  float *mean = nullptr, *variance = nullptr;
};

struct NativeOptions {
  bool gradients = false;  ///< forward keeps what backward needs
  bool training = false;   ///< batch norm takes the batch's statistics, and tracks them
  bool bf16 = false;       ///< activations and weights are kept in bf16, sums in float32
  Isa isa = chosen_isa();
};

/// For one shape of input. Not thread-safe; parallel inside, with digits that do not depend on the threads.
class NativeUNet {
 public:
  /// size: (d,h,w) or (h,w). Throws Error unless they are multiples of the plan's strides.
  NativeUNet(const NetworkPlan& plan, std::int64_t samples, const std::vector<std::int64_t>& size,
             const NativeOptions& options);
  ~NativeUNet();
  NativeUNet(NativeUNet&&) noexcept;
  NativeUNet& operator=(NativeUNet&&) noexcept;

  /// In the order of parameters_of, float32, standard layout. Copied: call again when they have changed.
  void set_parameters(const std::vector<const float*>& parameters);
  /// Batch norm only: read (without training) or updated by forward; must live on.
  void set_running_statistics(const std::vector<RunningStatistics>& statistics);
  /// images (N,C,spatial) -> logits (N,K,spatial), float32, contiguous.
  void forward(const float* images, float* logits);
  /// With gradients, after a forward of the same images: gradients in the order of parameters_of, overwritten.
  void backward(const float* logit_gradient, const std::vector<float*>& gradients);

  /// Memory held: activations, weights in the kernels' order, workspaces.
  std::int64_t bytes() const;

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace nnunet
