#include "deflater.h"

#include <new>
#include <utility>
#include <vector>

namespace nnunet {
namespace {

constexpr int kUsualLevel = 6, kQuickLevel = 1;

Deflater deflater(int level) {
  Deflater made(libdeflate_alloc_compressor(level), libdeflate_free_compressor);
  if (!made) throw std::bad_alloc();
  return made;
}

/// How many times smaller pieces from all over the content become.
double repetition(libdeflate_compressor* quick, std::span<const std::byte> content) {
  constexpr std::size_t kPieces = 8, kPiece = std::size_t{1} << 15;
  std::vector<std::byte> packed(libdeflate_deflate_compress_bound(quick, kPiece));
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < kPieces; ++i) {
    const std::size_t start = (content.size() - kPiece) / (kPieces - 1) * i;
    bytes += libdeflate_deflate_compress(quick, content.data() + start, kPiece, packed.data(), packed.size());
  }
  return static_cast<double>(kPieces * kPiece) / static_cast<double>(bytes);
}

}  // namespace

Deflater deflater_for(std::span<const std::byte> content) {
  constexpr std::size_t kLarge = std::size_t{1} << 22;  // below it every level is quick
  constexpr double kNoise = 4;                          // label maps of real structures shrink eight times and more
  if (content.size() < kLarge) return deflater(kUsualLevel);
  Deflater quick = deflater(kQuickLevel);
  return repetition(quick.get(), content) < kNoise ? std::move(quick) : deflater(kUsualLevel);
}

}  // namespace nnunet
