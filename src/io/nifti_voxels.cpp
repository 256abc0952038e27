#include "nifti_voxels.h"

#include <fmt/format.h>
#include <nifti1.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "nnunet/core/error.h"

namespace nnunet {

namespace {

template <std::size_t N>
auto swap_bytes(const std::byte* from) {
  if constexpr (N == 2) {
    std::uint16_t bits;
    std::memcpy(&bits, from, N);
    return __builtin_bswap16(bits);
  } else if constexpr (N == 4) {
    std::uint32_t bits;
    std::memcpy(&bits, from, N);
    return __builtin_bswap32(bits);
  } else {
    std::uint64_t bits;
    std::memcpy(&bits, from, N);
    return __builtin_bswap64(bits);
  }
}

/// Value i of an array that may lie at any address.
template <class T, bool Swapped>
T load(const std::byte* stored, std::size_t i) {
  if constexpr (Swapped && sizeof(T) > 1) {
    return std::bit_cast<T>(swap_bytes<sizeof(T)>(stored + i * sizeof(T)));
  } else {
    T value;
    std::memcpy(&value, stored + i * sizeof(T), sizeof(T));
    return value;
  }
}

/// Calls body(T{}, is_swapped) for the type, so that each loop below is made for one type.
template <class Body>
void for_type(const VoxelCoding& coding, Body&& body) {
  const auto both_orders = [&](auto zero) {
    coding.swapped ? body(zero, std::true_type{}) : body(zero, std::false_type{});
  };
  switch (coding.datatype) {
    case DT_UINT8:
      return both_orders(std::uint8_t{});
    case DT_INT8:
      return both_orders(std::int8_t{});
    case DT_UINT16:
      return both_orders(std::uint16_t{});
    case DT_INT16:
      return both_orders(std::int16_t{});
    case DT_UINT32:
      return both_orders(std::uint32_t{});
    case DT_INT32:
      return both_orders(std::int32_t{});
    case DT_UINT64:
      return both_orders(std::uint64_t{});
    case DT_INT64:
      return both_orders(std::int64_t{});
    case DT_FLOAT32:
      return both_orders(float{});
    case DT_FLOAT64:
      return both_orders(double{});
    default:
      throw Error("", fmt::format("voxels of type {} were let through", coding.datatype));
  }
}

/// All exponent bits set: NaN or Inf. Written with integers so that it vectorises.
void require_finite(std::span<const float> values, const std::string& name) {
  std::uint32_t bad = 0;
  for (const float value : values) {
    bad |= static_cast<std::uint32_t>((std::bit_cast<std::uint32_t>(value) & 0x7f800000U) == 0x7f800000U);
  }
  if (bad == 0) return;
  std::size_t count = 0;
  for (const float value : values) count += !std::isfinite(value);
  throw Error(name, fmt::format("{} voxels are NaN or Inf", count), "replace them in the image");
}

/// Scaling by rounding errors only: a stored whole number times a float32 slope.
constexpr float kScaledTolerance = 1e-4F;

/// Names the first value that is no label.
template <class T, bool Swapped>
[[noreturn]] void fail_label(const VoxelCoding& coding, std::span<const std::byte> stored, int n_class, float tolerance,
                             const std::string& name) {
  double value = 0;
  bool whole = true;
  for (std::size_t i = 0; i < stored.size() / sizeof(T); ++i) {
    value = static_cast<double>(load<T, Swapped>(stored.data(), i)) * coding.slope + coding.inter;
    whole = std::abs(value - std::nearbyint(value)) <= static_cast<double>(tolerance);
    if (!whole || !(std::nearbyint(value) >= 0 && std::nearbyint(value) < n_class)) break;
  }
  throw Error(name,
              whole ? fmt::format("holds the label {}, allowed are 0 to {}", value, n_class - 1)
                    : fmt::format("holds the label {}, which is not a whole number", value),
              "correct the label map, or the labels in dataset.json");
}

}  // namespace

void to_float(const VoxelCoding& coding, std::span<const std::byte> stored, std::span<float> to,
              const std::string& name) {
  const double slope = coding.slope, inter = coding.inter;
  const std::byte* from = stored.data();
  float* out = to.data();
  const std::size_t n = to.size();
  for_type(coding, [&](auto zero, auto swapped) {
    using T = decltype(zero);
    constexpr bool kSwapped = decltype(swapped)::value;
    if (coding.scaled()) {
      for (std::size_t i = 0; i < n; ++i) {
        out[i] = static_cast<float>(static_cast<double>(load<T, kSwapped>(from, i)) * slope + inter);
      }
    } else {
      for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<float>(load<T, kSwapped>(from, i));
    }
    if (coding.scaled() || std::is_floating_point_v<T>) require_finite(to, name);
  });
}

void to_labels(const VoxelCoding& coding, std::span<const std::byte> stored, int n_class, std::span<std::uint8_t> to,
               const std::string& name) {
  const double slope = coding.slope, inter = coding.inter;
  const float tolerance = coding.scaled() ? kScaledTolerance : 0.0F;
  const std::byte* from = stored.data();
  for_type(coding, [&](auto zero, auto swapped) {
    using T = decltype(zero);
    constexpr bool kSwapped = decltype(swapped)::value;
    unsigned bad = 0;
    if (std::is_integral_v<T> && !coding.scaled()) {
      const auto limit = static_cast<std::uint64_t>(n_class);
      for (std::size_t i = 0; i < to.size(); ++i) {
        const T value = load<T, kSwapped>(from, i);
        bad |= static_cast<unsigned>(static_cast<std::uint64_t>(value) >= limit);  // negative ones wrap to huge ones
        to[i] = static_cast<std::uint8_t>(value);
      }
    } else {
      for (std::size_t i = 0; i < to.size(); ++i) {
        const auto value = static_cast<float>(static_cast<double>(load<T, kSwapped>(from, i)) * slope + inter);
        const float inside = value > 0.0F ? (value < 255.0F ? value : 255.0F) : 0.0F;  // NaN: 0
        const auto label = static_cast<std::int32_t>(inside + 0.5F);
        const bool whole = std::abs(value - static_cast<float>(label)) <= tolerance;  // NaN: false
        bad |= static_cast<unsigned>(!whole) | static_cast<unsigned>(label >= n_class);
        to[i] = static_cast<std::uint8_t>(label);
      }
    }
    if (bad != 0) fail_label<T, kSwapped>(coding, stored, n_class, tolerance, name);
  });
}

}  // namespace nnunet
