#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

/// What libnnunet_blosc2, which is loaded when the first .b2nd file is read, does for this room.
namespace nnunet::v2 {

struct B2ndInfo {
  std::string type;                 ///< as numpy writes it: "<f4"
  std::vector<std::int64_t> shape;  ///< may hold anything: files are not trusted
};

class B2ndLibrary {
 public:
  virtual ~B2ndLibrary() = default;
  /// Reads an array in C order into the memory that `place` gives for it, whose size must be the array's. Returns what
  /// is wrong with the file, or nothing. What `place` throws goes through. Thread-safe.
  virtual std::string read(const std::filesystem::path& file,
                           const std::function<std::span<std::byte>(const B2ndInfo&)>& place) const = 0;
};

inline constexpr int kB2ndLibraryVersion = 1;

}  // namespace nnunet::v2
