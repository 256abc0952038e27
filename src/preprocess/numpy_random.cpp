#include "nnunet/preprocess/numpy_random.h"

#include <limits>
#include <numeric>
#include <span>
#include <stdexcept>

#include "nnunet/core/vectorized.h"

namespace nnunet {

namespace {

constexpr std::size_t words = 624, shift = 397;

/// The generator's next 624 numbers. A word depends on the next one and on one 397 further, of the words before the
/// step until those are used up, so that each loop runs over many words at once.
constexpr Vectorized next_block = [](std::uint32_t* state, std::uint32_t* out) NNUNET_INLINED {
  const auto mixed = [](std::uint32_t high, std::uint32_t low) NNUNET_INLINED {
    const std::uint32_t joined = (high & 0x80000000U) | (low & 0x7fffffffU);
    return joined >> 1U ^ ((0U - (low & 1U)) & 0x9908b0dfU);
  };
  for (std::size_t i = 0; i < words - shift; ++i) state[i] = state[i + shift] ^ mixed(state[i], state[i + 1]);
  for (std::size_t i = words - shift; i < words - 1; ++i)
    state[i] = state[i - (words - shift)] ^ mixed(state[i], state[i + 1]);
  state[words - 1] = state[shift - 1] ^ mixed(state[words - 1], state[0]);
  for (std::size_t i = 0; i < words; ++i) {
    std::uint32_t y = state[i];
    y ^= y >> 11U;
    y ^= y << 7U & 0x9d2c5680U;
    y ^= y << 15U & 0xefc60000U;
    out[i] = y ^ y >> 18U;
  }
};

constexpr Vectorized count_up_to = [](const std::uint32_t* values, std::size_t count, std::uint32_t mask,
                                      std::uint32_t most) NNUNET_INLINED {
  std::uint32_t found = 0;
  for (std::size_t i = 0; i < count; ++i) found += (values[i] & mask) <= most ? 1U : 0U;
  return found;
};

}  // namespace

NumpyRandom::NumpyRandom(std::uint32_t seed) {
  for (std::uint32_t i = 0; i < kWords; ++i) {
    state_[i] = seed;
    seed = 1812433253U * (seed ^ seed >> 30U) + i + 1;
  }
}

void NumpyRandom::refill() {
  next_block(state_.data(), block_.data());
  at_ = 0;
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

std::vector<std::uint32_t> NumpyRandom::counts_with_replacement(std::uint64_t n, std::size_t count) {
  if (count > std::numeric_limits<std::uint32_t>::max()) throw std::invalid_argument("too many draws");
  std::vector<std::uint32_t> times(n);
  const std::uint64_t most = n - 1;
  if (most >> 32 != 0 || most == 0) {
    for (std::size_t i = 0; i < count; ++i) ++times[below(n)];
    return times;
  }
  // What is refused is counted, too, in places behind the end: cheaper than a branch that nobody can foresee.
  const std::uint32_t mask = ~std::uint32_t{0} >> std::countl_zero(static_cast<std::uint32_t>(most));
  times.resize(std::size_t{mask} + 1);
  while (count > 0) {
    if (at_ == kWords) refill();
    const auto rest = std::span(block_).subspan(at_);
    const std::size_t accepted = count_up_to(rest.data(), rest.size(), mask, static_cast<std::uint32_t>(most));
    if (accepted < count) {
      for (const std::uint32_t word : rest) ++times[word & mask];
      at_ = kWords;
      count -= accepted;
      continue;
    }
    // The last draws: what comes behind them is left to the next ones.
    while (count > 0) {
      const std::uint32_t value = next() & mask;
      ++times[value];
      if (value <= most) --count;
    }
  }
  times.resize(n);
  return times;
}

}  // namespace nnunet
