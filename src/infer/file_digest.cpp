#include "file_digest.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <vector>

#include "nnunet/core/error.h"

namespace nnunet {

std::uint64_t file_digest(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(path.string(), "cannot be read", "check the path and its permissions");
  std::vector<char> block(std::size_t{1} << 20);
  std::uint64_t digest = 14695981039346656037ULL;
  do {
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
    const auto count = static_cast<std::size_t>(file.gcount());
    for (std::size_t i = 0; i < count; i += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, block.data() + i, std::min<std::size_t>(8, count - i));
      digest = (digest ^ word ^ (count - i < 8 ? (count - i) << 56 : 0)) * 1099511628211ULL;
      digest ^= digest >> 29;  // words are wider than the bytes FNV was made for: spread their upper halves
    }
  } while (file);
  if (file.bad()) throw Error(path.string(), "cannot be read to its end", "check the disk");
  return digest;
}

}  // namespace nnunet
