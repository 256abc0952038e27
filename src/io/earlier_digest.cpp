#include "nnunet/io/earlier_digest.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

namespace nnunet {
namespace {

constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15ULL;

std::uint64_t step(std::uint64_t digest, std::uint64_t word) {
  digest = (digest ^ word) * kSpread;
  return digest ^ (digest >> 29);
}

}  // namespace

std::uint64_t earlier_digest(std::span<const std::byte> bytes, std::uint64_t seed) {
  std::array<std::uint64_t, 4> lanes{seed + 1, seed + 2, seed + 3, seed + 4};
  std::array<std::uint64_t, 4> words;
  std::size_t i = 0;
  for (; i + sizeof(words) <= bytes.size(); i += sizeof(words)) {
    std::memcpy(words.data(), bytes.data() + i, sizeof(words));
    for (std::size_t k = 0; k < lanes.size(); ++k) lanes[k] = step(lanes[k], words[k]);
  }
  words = {};
  if (i < bytes.size()) std::memcpy(words.data(), bytes.data() + i, bytes.size() - i);
  for (std::size_t k = 0; k < lanes.size(); ++k) lanes[k] = step(lanes[k], words[k]);
  std::uint64_t digest = step(kSpread, bytes.size());
  for (const std::uint64_t lane : lanes) digest = step(digest, lane);
  return digest;
}

std::string earlier_list_digest(const std::vector<std::string>& entries) {
  std::uint64_t value = 0xcbf29ce484222325ULL;  // FNV-1a
  const auto add = [&](unsigned char byte) { value = (value ^ byte) * 0x100000001b3ULL; };
  for (const std::string& entry : entries) {
    for (const char c : entry) add(static_cast<unsigned char>(c));
    add(0xff);
  }
  return fmt::format("{:016x}", value);
}

}  // namespace nnunet
