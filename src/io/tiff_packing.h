#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace nnunet {

/// A strip's or tile's bytes, by the number that a TIFF file has for its packing: none, LZW, deflate, PackBits. What is
/// there beyond `size` bytes is left out. Throws Error: fewer bytes, damaged, another packing.
std::vector<std::byte> unpack_tiff(std::span<const std::byte> packed, std::uint64_t compression, std::size_t size,
                                   const std::string& name);

}  // namespace nnunet
