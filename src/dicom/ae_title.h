#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "nnunet/core/error.h"

namespace nnunet::dicom {

/// At most 16 letters without control characters or backslashes, not blanks alone (PS3.5, 6.2).
inline bool is_ae_title(std::string_view text) {
  constexpr std::size_t longest = 16;
  return !text.empty() && text.size() <= longest && text.find_first_not_of(' ') != std::string_view::npos &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~' && c != '\\'; });
}

/// Throws Error where ours is none.
inline void require_ae_title(std::string_view text) {
  if (!is_ae_title(text))
    throw Error("AE title", fmt::format("\"{}\" is none", text), "give one of at most 16 letters");
}

}  // namespace nnunet::dicom
