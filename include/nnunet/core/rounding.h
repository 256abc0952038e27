#pragma once
#include <cmath>
#include <cstdint>

namespace nnunet {

/// Python's round: halves to the even neighbour, whatever rounding mode the thread is in. The result must fit.
inline std::int64_t half_to_even(double value) {
  const double whole = std::floor(value), rest = value - whole;
  const auto below = static_cast<std::int64_t>(whole);
  if (rest != 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 == 0 ? below : below + 1;
}

}  // namespace nnunet
