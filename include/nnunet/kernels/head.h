#pragma once
#include <cstdint>
#include <vector>

#include "nnunet/kernels/aligned.h"
#include "nnunet/kernels/direct.h"

/// The convolution that makes logits: kernel 1, from blocked activations to plain logits.
namespace nnunet::kernels {

struct DirectKernels;

/// T: float or Bfloat16, which is multiplied as it is where the processor can. The digits are those of DirectConv, and
/// do not depend on the number of threads. Voxels lie along the registers, so that neither few classes nor many waste
/// any of them and logits are written as they lie.
template <class T>
class HeadConv {
 public:
  HeadConv(std::int64_t channels, std::int64_t classes, Isa isa = chosen_isa());

  /// (classes, channels) float32. Copied into the kernel's own order.
  void set_weights(const float* weights);
  std::int64_t weight_bytes() const { return weights_.size(); }
  /// y: (N, classes, voxels) float32; bias: (classes) or null.
  void run(const Source<T>& x, const float* bias, float* y, ConvWorkspace& workspace) const;

 private:
  struct Piece;
  void stage(const Source<T>& x, const Piece& piece, char* staged, float* turned) const;
  void multiply(const Piece& piece, const float* turned, const float* bias, float* y, float* rest) const;

  const DirectKernels& kernels_;
  std::int64_t channels_, classes_;
  bool bf16_;            ///< staged and multiplied in bf16
  std::int64_t lanes_;   ///< channels, or pairs of them, in 32 bits each; whole blocks
  std::int64_t groups_;  ///< of classes that are multiplied together
  AlignedBytes weights_;
};

}  // namespace nnunet::kernels
