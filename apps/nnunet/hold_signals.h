#pragma once
#include <filesystem>
#include <memory>
#include <system_error>

#include "nnunet/core/interrupt.h"

namespace nnunet::app {

/// A zip is unpacked to a folder, which a signal shall not leave behind: signals wait while this lives. Null for
/// folders, of which nothing is unpacked.
inline std::unique_ptr<Interrupt> hold_signals(const std::filesystem::path& input) {
  std::error_code failure;
  return std::filesystem::is_directory(input, failure) ? nullptr : std::make_unique<Interrupt>();
}

}  // namespace nnunet::app
