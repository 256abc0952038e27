#pragma once
#include <cstdint>

#include "nnunet/core/host_device.h"

namespace nnunet::kernels {

/// The upper half of a float. Same bits as c10::BFloat16.
struct Bfloat16 {
  std::uint16_t bits;
};

// __builtin_bit_cast: std::bit_cast is a function of the host to nvcc.

NNUNET_HOST_DEVICE inline float to_float(float value) {
  return value;
}
NNUNET_HOST_DEVICE inline float to_float(Bfloat16 value) {
  return __builtin_bit_cast(float, static_cast<std::uint32_t>(value.bits) << 16);
}

/// To the nearest, ties to even.
NNUNET_HOST_DEVICE inline void from_float(float value, float& result) {
  result = value;
}
NNUNET_HOST_DEVICE inline void from_float(float value, Bfloat16& result) {
  const auto bits = __builtin_bit_cast(std::uint32_t, value);
  const std::uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  result.bits = static_cast<std::uint16_t>((value != value ? bits | 0x400000u : rounded) >> 16);
}

}  // namespace nnunet::kernels
