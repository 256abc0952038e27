#pragma once
#include <filesystem>
#include <string>

#include "reference/shared.h"

namespace nnunet::test {

/// A file of reference numbers, by its name below ../shared: the one there, or else the small one that is kept in the
/// repository (tests/reference/fixtures, made by make_fixtures.py), so that a clone alone is held against them, too.
inline std::filesystem::path reference_file(const std::string& name) {
  const std::filesystem::path full = shared_dir() / name;
  return std::filesystem::exists(full) ? full : std::filesystem::path(NNUNET_FIXTURES_DIR) / name;
}

}  // namespace nnunet::test
