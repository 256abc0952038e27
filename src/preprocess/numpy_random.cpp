#include "nnunet/preprocess/numpy_random.h"

#include <bit>
#include <numeric>

namespace nnunet {

std::uint64_t NumpyRandom::below(std::uint64_t n) {
  const std::uint64_t most = n - 1;
  if (most == 0) return 0;
  const std::uint64_t mask = ~std::uint64_t{0} >> std::countl_zero(most);
  const auto next = [&]() -> std::uint64_t {
    const std::uint64_t high = most >> 32 != 0 ? static_cast<std::uint64_t>(engine_()) << 32 : 0;
    return high | engine_();
  };
  std::uint64_t value = next() & mask;
  while (value > most) value = next() & mask;
  return value;
}

std::vector<std::uint32_t> NumpyRandom::permutation(std::uint32_t n) {
  std::vector<std::uint32_t> values(n);
  std::iota(values.begin(), values.end(), 0U);
  shuffle(values);
  return values;
}

std::vector<std::uint64_t> NumpyRandom::choice_with_replacement(std::uint64_t n, std::size_t count) {
  std::vector<std::uint64_t> values(count);
  for (std::uint64_t& v : values) v = below(n);
  return values;
}

}  // namespace nnunet
