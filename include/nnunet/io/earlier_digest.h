#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

/// What the records of earlier versions hold in place of digest.h's: 64 bits, 16 hexadecimal digits. Only to read them,
/// so that finished work is not made anew; nothing is written in this form any more.
namespace nnunet {

/// Whether a recorded digest is in that form.
inline bool is_earlier_digest(const std::string& recorded) {
  return recorded.size() == 16;
}

/// seed: the digest of what comes before these bytes.
std::uint64_t earlier_digest(std::span<const std::byte> bytes, std::uint64_t seed = 0);
/// That of a preprocessed folder's list of cases.
std::string earlier_list_digest(const std::vector<std::string>& entries);

}  // namespace nnunet
