#pragma once
#include <array>
#include <optional>
#include <vector>

#include "buffer_pool.h"
#include "conv_op.h"
#include "nnunet/kernels/passes.h"
#include "norm_state.h"

namespace nnunet::native {

using Sizes3 = std::array<std::int64_t, 3>;

/// What a pass has at hand.
struct Context {
  NativeOptions options;
  kernels::ConvWorkspace workspace;
  BufferPool pool;
};

/// What a layer makes: a convolution's result and the norm that its readers apply, or (norm null) values as they are.
/// And its gradient: of the norm's output through LeakyReLU (g' of ThroughNorm) once all its readers have added to it.
template <class T>
struct Feature {
  kernels::Blocked<T> x, g;
  NormState* norm = nullptr;
  float slope = 1;
  int readers = 0, added = 0;                    ///< who give gradients, and how many have
  kernels::Moments* gradient_moments = nullptr;  ///< (N, blocks * 16), of the gradient; without norm

  void shape(std::int64_t n, std::int64_t channels, const Sizes3& s);
  void take(Context& context);
  void release(Context& context);
  void release_gradient(Context& context);
  kernels::Source<T> source() const;
  /// Where the next reader writes its gradient.
  kernels::Output<T> gradient(Context& context);
};

/// The input of a block: the images, one feature, or two joined.
template <class T>
struct Joined {
  const float* images = nullptr;
  Feature<T>* first = nullptr;
  Feature<T>* second = nullptr;

  kernels::Input<T> input() const;
};

/// Where a layer's parameters are among the network's: the first index.
/// Convolution -> norm, and the readers apply LeakyReLU with `slope` after it.
template <class T>
class ConvNorm {
 public:
  ConvNorm(const kernels::ConvShape& shape, Norm norm, float slope, std::size_t parameter, const Context& context);
  void set_parameters(const std::vector<const float*>& parameters);
  void forward(const Joined<T>& x, Context& context);
  /// out.g complete, or `gradient` (g') in its place. Adds to the gradients of x.
  void backward(const Joined<T>& x, const kernels::Blocked<T>& gradient, const std::vector<float*>& gradients,
                Context& context);
  std::int64_t bytes() const { return conv_.bytes(); }

  Feature<T> out;
  NormState norm;

 private:
  ConvOp<T> conv_;
  std::size_t parameter_;
};

/// What the encoder and the decoder are made of: ConvBlock or ResidualBlock of network/blocks.h.
template <class T>
class Block {
 public:
  Block(const kernels::ConvShape& first, bool residual, Norm norm, float slope, std::size_t parameter,
        const Context& context);
  void set_parameters(const std::vector<const float*>& parameters);
  std::vector<NormState*> norms();
  /// Without `keep` the features inside are released; with `last_reader` those of x too, as soon as they are read.
  void forward(const Joined<T>& x, bool keep, bool last_reader, Context& context);
  void backward(const Joined<T>& x, const std::vector<float*>& gradients, Context& context);
  Feature<T>& result() { return residual_ ? sum_ : second_.out; }
  void release(Context& context);
  std::int64_t bytes() const;

 private:
  kernels::Source<T> sum_source(const Joined<T>& x) const;

  bool residual_;
  float slope_;
  ConvNorm<T> first_, second_;
  std::optional<ConvNorm<T>> shortcut_;
  Feature<T> sum_, image_;  ///< image_: the images in blocks, where they are the shortcut
  mutable std::vector<float> sum_shift_, ones_;
};

/// Transposed convolution with bias; its result has no norm.
template <class T>
class Up {
 public:
  Up(const kernels::ConvShape& shape, std::size_t parameter, const Context& context);
  void set_parameters(const std::vector<const float*>& parameters);
  void forward(Feature<T>& x, Context& context);
  void backward(Feature<T>& x, const std::vector<float*>& gradients, Context& context);
  std::int64_t bytes() const { return conv_.bytes(); }

  Feature<T> out;

 private:
  ConvOp<T> conv_;
  std::size_t parameter_;
  std::vector<float> bias_;
  std::vector<kernels::Moments> gradient_moments_;
};

}  // namespace nnunet::native
