#pragma once
#include <libdeflate.h>

#include <cstddef>
#include <memory>
#include <span>

namespace nnunet {

using Deflater = std::unique_ptr<libdeflate_compressor, void (*)(libdeflate_compressor*)>;

/// A compressor for this content: the usual level, or a quick one where little repeats (label maps of
/// untrained networks, probabilities), since looking for more takes twice as long there and gains three per cent.
Deflater deflater_for(std::span<const std::byte> content);

}  // namespace nnunet
