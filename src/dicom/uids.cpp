#include "uids.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "nnunet/io/digest.h"

namespace nnunet::dicom {

bool is_valid_uid(std::string_view uid) {
  constexpr std::size_t longest = 64;
  return !uid.empty() && uid.size() <= longest && uid.front() != '.' && uid.back() != '.' &&
         uid.find("..") == std::string_view::npos &&
         std::ranges::all_of(uid, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

std::string invented_uid(std::string_view of) {
  const std::string hex = digest_of(of);
  std::array<std::uint64_t, 2> number{};  // high, low
  for (std::size_t i = 0; i < 2; ++i) std::from_chars(hex.data() + 16 * i, hex.data() + 16 * (i + 1), number[i], 16);
  // As a UUID's integer in decimal digits (PS3.5, B.2): version 8, which is whatever its maker says (RFC 9562).
  number[0] = (number[0] & ~std::uint64_t{0xf000}) | 0x8000;
  number[1] = (number[1] & ~(std::uint64_t{3} << 62U)) | (std::uint64_t{2} << 62U);
  __extension__ using Wide = unsigned __int128;
  std::string digits;
  for (Wide rest = (Wide{number[0]} << 64U) | number[1]; rest != 0; rest /= 10)
    digits += static_cast<char>('0' + static_cast<int>(rest % 10));
  std::ranges::reverse(digits);
  return "2.25." + digits;
}

}  // namespace nnunet::dicom
