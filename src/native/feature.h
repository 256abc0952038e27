#pragma once
#include <array>
#include <vector>

#include "buffer_pool.h"
#include "nnunet/kernels/direct.h"
#include "nnunet/native/native_network.h"
#include "norm_state.h"

namespace nnunet::native {

using Sizes3 = std::array<std::int64_t, 3>;

/// What a pass has at hand.
struct Context {
  NativeOptions options;
  BufferPool& pool;
  kernels::ConvWorkspace& workspace;
  const float* images = nullptr;
};

/// What a step makes: a convolution's result and the norm that its readers apply, or (norm null) values as they are.
/// And its gradient: of the norm's output through LeakyReLU (g' of ThroughNorm) once all its readers have added to it.
template <class T>
struct Feature {
  kernels::Blocked<T> x, g;
  NormState* norm = nullptr;
  float slope = 1;
  int readers = 0;                               ///< operators that read it
  int gradients = 0, added = 0;                  ///< those that give a gradient in this backward, and how many have
  kernels::Moments* gradient_moments = nullptr;  ///< (N, blocks * 16), of the gradient; without norm

  void shape(std::int64_t n, std::int64_t channels, const Sizes3& s);
  void take(Context& context);
  void release(Context& context);
  void release_gradient(Context& context);
  kernels::Source<T> source() const;
  /// Where the next reader writes its gradient.
  kernels::Output<T> gradient(Context& context);
};

/// The input of a convolution: the images, one feature, or two joined.
template <class T>
struct Joined {
  bool images = false;
  Feature<T>* first = nullptr;
  Feature<T>* second = nullptr;

  kernels::Input<T> input() const;
};

}  // namespace nnunet::native

struct nnunet::NativeMemory::Parts {
  native::BufferPool pool;
  kernels::ConvWorkspace workspace;
};
