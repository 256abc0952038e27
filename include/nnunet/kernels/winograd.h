#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "nnunet/kernels/blocked.h"

/// Convolutions of stride 1 by Winograd's algorithm over blocked activations; docs/kernels.md says how. The digits
/// depend neither on the number of threads nor on what a workspace held.
namespace nnunet::kernels {

/// Kernel (3,3,3), or (1,3,3), zero padding of half the kernel. 2D is kernel_d = 1 and d = 1.
struct WinogradShape {
  std::int64_t inputs[2] = {};   ///< channels of the one or two tensors read
  std::int64_t outputs[2] = {};  ///< channels of the one or two tensors written (two: gradient of a concatenation)
  int kernel_d = 3;
};

/// How the same sums are computed.
struct WinogradPlan {
  /// Outputs of a tile along d, h and w, 2 or 4 each (d is ignored where the kernel is 1). 4 multiplies less; its
  /// rounding errors are about 1.8 times those of 2, for each axis.
  int tile[3] = {2, 2, 2};
  /// Multiplies in bfloat16 and adds in float32: twice as fast, about 1e-3 of the result's range off. Needs
  /// Isa::avx512_bf16.
  bool bf16_products = false;
  Isa isa = chosen_isa();
};

/// What errors float32 tensors may have: less than those of sums added one product after the other (tiles of 2 only),
/// or as much (tiles of 4 along h and w where they save time).
enum class WinogradErrors { below_plain_sums, as_plain_sums };

/// The fastest plan whose errors stay within bounds (docs/kernels.md: measurements); bfloat16 tensors get whatever adds
/// little to their own rounding. A function of its arguments, so that digits are the same run after run. size: d, h, w.
WinogradPlan winograd_plan(const WinogradShape& shape, const std::array<std::int64_t, 3>& size, bool bf16_tensors,
                           Isa isa = chosen_isa(), WinogradErrors errors = WinogradErrors::below_plain_sums);

/// Forward, and the gradient by the data. T: float or Bfloat16, the elements of the tensors.
template <class T>
class WinogradConv {
 public:
  /// Throws Error for a shape or a plan that is none of the above.
  explicit WinogradConv(const WinogradShape& shape, const WinogradPlan& plan = {});
  ~WinogradConv();
  WinogradConv(WinogradConv&&) noexcept;
  WinogradConv& operator=(WinogradConv&&) noexcept;

  /// (outputs, inputs, kernel_d, 3, 3) float32, transformed and kept here. `transposed`: w is (inputs, outputs, ...)
  /// and turned around, so that this convolution is the gradient by the data of w's.
  void set_weights(const float* w, bool transposed = false);
  std::int64_t weight_bytes() const;

  /// Bytes that run() needs for tensors of x's shape (data is not looked at) on at most so many threads.
  std::int64_t workspace(const Input<T>& x, int threads) const;
  /// y: as many outputs as the shape has, of x's n, d, h and w. workspace: aligned to 64 bytes.
  void run(const Input<T>& x, std::span<const Output<T>> y, int threads, void* workspace) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Gradient by the weights. Bfloat16 tensors are multiplied in bfloat16 with Isa::avx512_bf16 (see WinogradPlan), else
/// in float32.
template <class T>
class WinogradGradient {
 public:
  explicit WinogradGradient(const WinogradShape& shape, Isa isa = chosen_isa());
  ~WinogradGradient();
  WinogradGradient(WinogradGradient&&) noexcept;
  WinogradGradient& operator=(WinogradGradient&&) noexcept;

  std::int64_t workspace(const Input<T>& x, int threads) const;
  /// x: what the convolution read; dy: the gradient of what it wrote. dw: (outputs, inputs, kernel_d, 3, 3),
  /// overwritten.
  void run(const Input<T>& x, const Input<T>& dy, float* dw, int threads, void* workspace) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nnunet::kernels
