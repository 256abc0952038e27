#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "nnunet/kernels/aligned.h"
#include "nnunet/kernels/blocked.h"

/// Direct convolutions over blocked activations, for what Winograd's algorithm does not take: strides, kernels of any
/// size, first and last layer, transposed convolutions.
namespace nnunet::kernels {

/// One side of a convolution: one tensor, or two whose channels follow each other.
struct ConvSide {
  std::int64_t channels = 0, second_channels = 0;
  std::array<std::int64_t, 3> size{};  ///< D, H, W
  bool plain = false;                  ///< one tensor, (N, C, D, H, W) float32 instead of blocked

  std::int64_t total() const { return channels + second_channels; }
};

/// A convolution as a relation of two grids: fine = coarse * stride + tap - padding. Its weights are (coarse channels,
/// fine channels, kernel): a convolution goes from fine to coarse, a transposed one from coarse to fine, and so lie the
/// weights of both in the standard layout.
struct ConvShape {
  std::int64_t samples = 1;
  ConvSide fine, coarse;
  std::array<std::int64_t, 3> kernel{1, 1, 1}, stride{1, 1, 1}, padding{0, 0, 0};

  std::int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
};

/// Memory for the threads of a call. Grows to what the calls need.
class ConvWorkspace {
 public:
  /// 64-byte aligned, valid until the thread asks for more. Within a parallel region, each thread by its number.
  void* get(int thread, std::int64_t bytes);
  /// Before a parallel region of so many threads.
  void prepare(int threads);
  std::int64_t bytes() const;

 private:
  std::vector<AlignedBytes> pieces_;
};

/// Forward and backward to data, in either direction: y(coarse) = sum over taps of w x(fine), or y(fine) = sum of w
/// x(coarse). T: float or Bfloat16, which is multiplied as it is where the processor can (sums in float32), else in
/// float32. The digits do not depend on the number of threads.
template <class T>
class DirectConv {
 public:
  enum class Direction { to_coarse, to_fine };
  DirectConv(const ConvShape& shape, Direction direction, Isa isa = chosen_isa());
  ~DirectConv();
  DirectConv(DirectConv&&) noexcept;
  DirectConv& operator=(DirectConv&&) noexcept;

  /// (coarse channels, fine channels, kernel) float32. Copied into the kernels' own order.
  void set_weights(const float* weights);
  void run(const Input<T>& x, const Output<T>& y, ConvWorkspace& workspace) const;
  /// Into the two tensors of a side.
  void run(const Input<T>& x, const Output<T>& first, const Output<T>& second, ConvWorkspace& workspace) const;
  /// From a plain side.
  void run(const float* x, const Output<T>& y, ConvWorkspace& workspace) const;
  /// To a plain side; bias: (channels) or null.
  void run(const Input<T>& x, const float* bias, float* y, ConvWorkspace& workspace) const;
  std::int64_t weight_bytes() const;

 private:
  struct Plan;
  std::unique_ptr<Plan> plan_;
};

/// Backward to weights.
template <class T>
class DirectGradient {
 public:
  explicit DirectGradient(const ConvShape& shape, Isa isa = chosen_isa());
  ~DirectGradient();
  DirectGradient(DirectGradient&&) noexcept;
  DirectGradient& operator=(DirectGradient&&) noexcept;

  /// gradient: (coarse channels, fine channels, kernel) float32, overwritten.
  void run(const Input<T>& fine, const Input<T>& coarse, float* gradient, ConvWorkspace& workspace);
  void run(const float* plain_fine, const Input<T>& coarse, float* gradient, ConvWorkspace& workspace);
  void run(const Input<T>& fine, const float* plain_coarse, float* gradient, ConvWorkspace& workspace);
  /// Of the partial sums.
  std::int64_t bytes() const;

 private:
  struct Plan;
  std::unique_ptr<Plan> plan_;
};

}  // namespace nnunet::kernels
