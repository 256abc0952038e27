#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"

namespace nnunet::v2 {

inline constexpr const char* kPreprocessAgain = "preprocess the dataset again: nnUNetv2_preprocess";

/// Before memory is taken for an array that a preprocessed case says it holds. Throws Error where no machine has it.
inline void require_possible(const std::vector<std::int64_t>& shape, const std::filesystem::path& file) {
  std::int64_t values = 1;
  for (const std::int64_t size : shape) {
    if (size <= 0 || size > limits::image_voxels / values)
      throw Error(file.string(), fmt::format("has the shape {}, which no preprocessed image has", shape_text(shape)),
                  kPreprocessAgain);
    values *= size;
  }
}

}  // namespace nnunet::v2
