#include "uids.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "nnunet/core/error.h"
#include "nnunet/io/digest.h"

namespace nnunet::dicom {
namespace {

using Halves = std::array<std::uint64_t, 2>;  // of a UUID: high, low

/// A UUID of that version, with the bits that are free, as an integer in decimal digits (PS3.5, B.2).
std::string uid_of(Halves uuid, std::uint64_t version) {
  uuid[0] = (uuid[0] & ~std::uint64_t{0xf000}) | (version << 12U);
  uuid[1] = (uuid[1] & ~(std::uint64_t{3} << 62U)) | (std::uint64_t{2} << 62U);  // variant of RFC 9562
  __extension__ using Wide = unsigned __int128;
  std::string digits;
  for (Wide rest = (Wide{uuid[0]} << 64U) | uuid[1]; rest != 0; rest /= 10)
    digits += static_cast<char>('0' + static_cast<int>(rest % 10));
  std::ranges::reverse(digits);
  return "2.25." + digits;
}

}  // namespace

bool is_valid_uid(std::string_view uid) {
  constexpr std::size_t longest = 64;
  return !uid.empty() && uid.size() <= longest && uid.front() != '.' && uid.back() != '.' &&
         uid.find("..") == std::string_view::npos &&
         std::ranges::all_of(uid, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

std::string invented_uid(std::string_view of) {
  const std::string hex = digest_of(of);
  Halves uuid{};
  for (std::size_t i = 0; i < 2; ++i) std::from_chars(hex.data() + 16 * i, hex.data() + 16 * (i + 1), uuid[i], 16);
  return uid_of(uuid, 8);  // version 8 is whatever its maker says (RFC 9562)
}

std::string new_uid() {
  Halves uuid{};
  if (RAND_bytes(reinterpret_cast<unsigned char*>(uuid.data()), sizeof uuid) != 1)
    throw Error("UID", "the system gives no random numbers", "see whether /dev/urandom can be read");
  return uid_of(uuid, 4);  // random
}

}  // namespace nnunet::dicom
