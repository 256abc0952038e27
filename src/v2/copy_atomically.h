#pragma once
#include <filesystem>

#include "nnunet/io/atomic_file.h"

namespace nnunet::v2 {

/// Atomic; a file that is there is replaced.
inline void copy_atomically(const std::filesystem::path& from, const std::filesystem::path& to) {
  write_atomically(to, [&](const std::filesystem::path& temporary) {
    std::filesystem::copy_file(from, temporary, std::filesystem::copy_options::overwrite_existing);
  });
}

}  // namespace nnunet::v2
