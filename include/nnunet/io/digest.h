#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace nnunet {

enum class DigestKind {
  content,  ///< the first 128 bits of BLAKE2b: tells contents apart, as fast on processors without instructions for it
  sha256,
  sha1,
  md5,
};

/// A digest of what is added to it, by OpenSSL.
class Digest {
 public:
  explicit Digest(DigestKind kind = DigestKind::content);
  Digest& add(std::span<const std::byte> bytes);
  /// A text and its length, so that one list of texts is not taken for another.
  Digest& add_entry(std::string_view text);
  /// Lower-case hexadecimal digits: 32 (content, md5), 64 (sha256) or 40 (sha1). Nothing can be added afterwards.
  std::string hex();

 private:
  struct Deleter {
    void operator()(void* context) const;
  };
  DigestKind kind_;
  std::unique_ptr<void, Deleter> context_;
};

std::string digest_of(std::span<const std::byte> bytes, DigestKind kind = DigestKind::content);
std::string digest_of(std::string_view text, DigestKind kind = DigestKind::content);
/// Throws Error when the file cannot be read.
std::string digest_of_file(const std::filesystem::path& file, DigestKind kind = DigestKind::content);

}  // namespace nnunet
