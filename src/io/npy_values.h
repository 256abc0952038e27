#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "npy_header.h"

namespace nnunet {

/// Copies the stored values into C order and this machine's byte order.
void copy_plain(const NpyLayout& layout, std::span<const std::byte> stored, std::byte* out);

/// numpy's float16 as float.
void widen_halves(std::span<const std::uint16_t> halves, float* out);

}  // namespace nnunet
