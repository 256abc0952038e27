#include "new_uid.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "nnunet/core/error.h"

namespace nnunet::dicom {
namespace {

using Uuid = std::array<std::uint8_t, 16>;

Uuid random_uuid() {
  Uuid uuid{};
  if (RAND_bytes(uuid.data(), static_cast<int>(uuid.size())) != 1)
    throw Error("UID", "the system gives no random numbers", "see whether /dev/urandom can be read");
  uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0FU) | 0x40U);  // version 4: random
  uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3FU) | 0x80U);  // variant of RFC 4122
  return uuid;
}

/// The last decimal digit; the number, most significant byte first, is divided by ten.
unsigned take_digit(Uuid& number) {
  unsigned rest = 0;
  for (std::uint8_t& byte : number) {
    const unsigned value = rest * 256 + byte;
    byte = static_cast<std::uint8_t>(value / 10);
    rest = value % 10;
  }
  return rest;
}

}  // namespace

std::string new_uid() {
  Uuid number = random_uuid();
  std::string digits;
  while (std::ranges::any_of(number, [](std::uint8_t byte) { return byte != 0; }))
    digits += static_cast<char>('0' + take_digit(number));
  std::ranges::reverse(digits);
  return "2.25." + digits;
}

}  // namespace nnunet::dicom
