// SHA-256 (FIPS 180-4) and MD5 (RFC 1321): checks against damage in transfer.
#include <fmt/format.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <span>
#include <vector>

#include "nnunet/core/error.h"
#include "nnunet/download/download.h"

namespace nnunet {

namespace {

using Block = std::span<const unsigned char, 64>;

/// RFC 1321: the constants are floor(2^32 |sin(i + 1)|).
class Md5 {
 public:
  static constexpr bool big_endian = false;

  void add(Block block) {
    static const auto sines = [] {
      std::array<std::uint32_t, 64> table{};
      for (std::size_t i = 0; i < 64; ++i)
        table[i] =
            static_cast<std::uint32_t>(std::floor(4294967296.0 * std::fabs(std::sin(static_cast<double>(i + 1)))));
      return table;
    }();
    constexpr std::array<std::array<int, 4>, 4> shifts{
        {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}}};
    auto [a, b, c, d] = state_;
    for (unsigned i = 0; i < 64; ++i) {
      const unsigned round = i / 16;
      const std::uint32_t mixed = round == 0   ? ((b & c) | (~b & d))
                                  : round == 1 ? ((d & b) | (~d & c))
                                  : round == 2 ? (b ^ c ^ d)
                                               : (c ^ (b | ~d));
      const unsigned at = (round == 0 ? i : round == 1 ? 5 * i + 1 : round == 2 ? 3 * i + 5 : 7 * i) % 16 * 4;
      const std::uint32_t word =
          block[at] | block[at + 1] << 8U | block[at + 2] << 16U | static_cast<std::uint32_t>(block[at + 3]) << 24U;
      const std::uint32_t turned = std::rotl(a + mixed + sines[i] + word, shifts[round][i % 4]);
      a = d, d = c, c = b, b += turned;
    }
    state_[0] += a, state_[1] += b, state_[2] += c, state_[3] += d;
  }

  std::string text() const {
    std::string text;
    for (const std::uint32_t word : state_) text += fmt::format("{:08x}", __builtin_bswap32(word));
    return text;
  }

 private:
  std::array<std::uint32_t, 4> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
};

/// FIPS 180-4: the constants are the first 32 bits of the fractions of the primes' cube roots, the start values of
/// their square roots.
class Sha256 {
 public:
  static constexpr bool big_endian = true;

  Sha256() {
    for (unsigned i = 0, n = 2; i < 64; ++n) {
      bool prime = true;
      for (unsigned d = 2; d * d <= n; ++d) prime = prime && n % d != 0;
      if (!prime) continue;
      constants_[i] = fraction(std::cbrt(static_cast<long double>(n)));
      if (i < 8) state_[i] = fraction(std::sqrt(static_cast<long double>(n)));
      ++i;
    }
  }

  void add(Block block) {
    std::array<std::uint32_t, 64> w{};
    for (std::size_t i = 0; i < 16; ++i)
      w[i] = static_cast<std::uint32_t>(block[4 * i]) << 24U | block[4 * i + 1] << 16U | block[4 * i + 2] << 8U |
             block[4 * i + 3];
    for (std::size_t i = 16; i < 64; ++i) {
      const std::uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3U);
      const std::uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10U);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    auto s = state_;
    for (std::size_t i = 0; i < 64; ++i) {
      const std::uint32_t sum1 = std::rotr(s[4], 6) ^ std::rotr(s[4], 11) ^ std::rotr(s[4], 25),
                          choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
      const std::uint32_t sum0 = std::rotr(s[0], 2) ^ std::rotr(s[0], 13) ^ std::rotr(s[0], 22),
                          majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
      const std::uint32_t first = s[7] + sum1 + choice + constants_[i] + w[i];
      s = {first + sum0 + majority, s[0], s[1], s[2], s[3] + first, s[4], s[5], s[6]};
    }
    for (std::size_t i = 0; i < 8; ++i) state_[i] += s[i];
  }

  std::string text() const {
    std::string text;
    for (const std::uint32_t word : state_) text += fmt::format("{:08x}", word);
    return text;
  }

 private:
  static std::uint32_t fraction(long double root) {
    return static_cast<std::uint32_t>((root - std::floor(root)) * 4294967296.0L);
  }

  std::array<std::uint32_t, 64> constants_{};
  std::array<std::uint32_t, 8> state_{};
};

template <class Digest>
std::string digest_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(path.string(), "cannot be read", "check the path and its permissions");
  Digest digest;
  std::vector<unsigned char> buffer(1U << 20U);
  std::uint64_t total = 0;
  while (true) {
    file.read(reinterpret_cast<char*>(buffer.data()), static_cast<std::streamsize>(buffer.size()));
    const auto got = static_cast<std::size_t>(file.gcount());
    total += got;
    const std::size_t whole = got / 64 * 64;
    for (std::size_t at = 0; at < whole; at += 64) digest.add(Block(buffer.data() + at, 64));
    if (got == buffer.size()) continue;
    // The rest, a one bit, zeros, and the length in bits.
    std::vector<unsigned char> tail(buffer.begin() + static_cast<std::ptrdiff_t>(whole),
                                    buffer.begin() + static_cast<std::ptrdiff_t>(got));
    tail.push_back(0x80);
    while (tail.size() % 64 != 56) tail.push_back(0);
    for (unsigned i = 0; i < 8; ++i)
      tail.push_back(static_cast<unsigned char>(total * 8 >> (8 * (Digest::big_endian ? 7 - i : i)) & 0xffU));
    for (std::size_t at = 0; at < tail.size(); at += 64) digest.add(Block(tail.data() + at, 64));
    break;
  }
  if (file.bad()) throw Error(path.string(), "cannot be read", "check the disk");
  return digest.text();
}

}  // namespace

std::string sha256_of(const std::filesystem::path& file) {
  return digest_of<Sha256>(file);
}
std::string md5_of(const std::filesystem::path& file) {
  return digest_of<Md5>(file);
}

}  // namespace nnunet
