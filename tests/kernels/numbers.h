#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <random>
#include <vector>

#include "nnunet/kernels/bfloat16.h"
#include "nnunet/kernels/half.h"

namespace nnunet::test {

/// Aligned as a GPU's memory is.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(64))); }
  void deallocate(T* p, std::size_t) { ::operator delete(p, std::align_val_t(64)); }
  bool operator==(const AlignedAllocator&) const { return true; }
};
template <class T>
using Numbers = std::vector<T, AlignedAllocator<T>>;

/// Normally distributed, rounded to T.
template <class T>
Numbers<T> random_numbers(std::int64_t count, std::uint32_t seed, float mean = 0, float deviation = 1) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> distribution(mean, deviation);
  Numbers<T> numbers(static_cast<std::size_t>(count));
  for (auto& n : numbers) kernels::from_float(distribution(engine), n);
  return numbers;
}

template <class T>
Numbers<float> floats(const Numbers<T>& numbers) {
  Numbers<float> result;
  for (const T& n : numbers) result.push_back(kernels::to_float(n));
  return result;
}

/// Largest difference, as a share of the expected values' largest.
template <class T, class U>
double deviation(const Numbers<T>& numbers, const Numbers<U>& expected) {
  double scale = 1e-3, most = 0;
  for (const U& e : expected) scale = std::max(scale, std::abs(static_cast<double>(kernels::to_float(e))));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto a = static_cast<double>(kernels::to_float(numbers[i])),
               b = static_cast<double>(kernels::to_float(expected[i]));
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b) ? most : INFINITY;
    most = std::max(most, std::abs(a - b));
  }
  return most / scale;
}

/// Half a unit in the last place and some float32 rounding.
template <class T>
double rounding() {
  return sizeof(T) == 4 ? 3e-6 : std::is_same_v<T, kernels::Half> ? 6e-4 : 4e-3;
}

}  // namespace nnunet::test
