#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nnunet {

/// Where and how the values of a .npy file lie.
struct NpyLayout {
  std::vector<std::int64_t> shape;
  std::string type;             ///< numpy's type string without byte order: "f4", "u1", "b1", ...
  std::size_t value_bytes = 0;  ///< of one of them
  bool swapped = false;         ///< in the other byte order than this machine's
  bool fortran = false;         ///< the first axis is the innermost
  std::size_t offset = 0;       ///< in the file

  std::size_t count() const;
  bool plain() const { return !swapped && !fortran && offset % value_bytes == 0; }
};

/// Understands a whole file. Throws Error when it is no .npy file of real numbers, or shorter or longer than its header
/// says.
NpyLayout parse_npy(std::span<const std::byte> file, const std::filesystem::path& path);

/// Number of values; throws Error when no machine can hold them.
std::size_t npy_count(const std::vector<std::int64_t>& shape, const std::filesystem::path& path);

/// Throws the Error of an unusable .npy file.
[[noreturn]] void fail_npy(const std::filesystem::path& path, std::string_view problem);

}  // namespace nnunet
