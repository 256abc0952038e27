#pragma once
#include <utility>

#include "nnunet/core/cpu.h"

/// What stands between the parameters and the body of a lambda that Vectorized takes.
#define NNUNET_INLINED __attribute__((always_inline))

namespace nnunet {

/// A plain loop that the compiler turns into vector code, compiled once a generation of x86-64 vector units; a call
/// takes the version that chosen_isa() allows, and no other is ever entered:
///
///   constexpr Vectorized scale = [](float* x, std::int64_t n, float factor) NNUNET_INLINED {
///     for (std::int64_t i = 0; i < n; ++i) x[i] *= factor;
///   };
///
/// `Body` is a lambda without captures. What it calls must be inlined; NNUNET_INLINE (core/simd.h) insists on it. One
/// version only where the compiler has one target, or was told to use AVX2 everywhere.
template <class Body>
class Vectorized {
 public:
  constexpr Vectorized(Body) {}

  template <class... A>
  decltype(auto) operator()(A&&... a) const {
#if defined(__x86_64__) && !defined(__AVX2__)
    const Isa isa = chosen_isa();
    if (isa >= Isa::avx512) return avx512<A...>(std::forward<A>(a)...);
    if (isa >= Isa::avx2) return avx2<A...>(std::forward<A>(a)...);
#endif
    return portable<A...>(std::forward<A>(a)...);
  }

 private:
  template <class... A>
  __attribute__((flatten)) static decltype(auto) portable(A&&... a) {
    return Body{}(std::forward<A>(a)...);
  }
#if defined(__x86_64__) && !defined(__AVX2__)
  template <class... A>
  __attribute__((flatten, target("arch=x86-64-v3"))) static decltype(auto) avx2(A&&... a) {
    return Body{}(std::forward<A>(a)...);
  }
  template <class... A>
  __attribute__((flatten, target("arch=x86-64-v4"))) static decltype(auto) avx512(A&&... a) {
    return Body{}(std::forward<A>(a)...);
  }
#endif
};

}  // namespace nnunet
