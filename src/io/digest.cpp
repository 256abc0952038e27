#include "nnunet/io/digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <fstream>
#include <vector>

#include "nnunet/core/error.h"

namespace nnunet {
namespace {

constexpr std::size_t kContentBytes = 16;

const EVP_MD* algorithm(DigestKind kind) {
  switch (kind) {
    case DigestKind::content:
      return EVP_blake2b512();
    case DigestKind::sha256:
      return EVP_sha256();
    case DigestKind::sha1:
      return EVP_sha1();
    case DigestKind::md5:
      return EVP_md5();
  }
  return nullptr;
}

/// An OpenSSL that is restricted to approved algorithms may lack one.
void require(int done) {
  if (done != 1) throw Error("OpenSSL", "cannot compute a digest", "use an OpenSSL with its default provider");
}

EVP_MD_CTX* context_of(void* context) {
  return static_cast<EVP_MD_CTX*>(context);
}

}  // namespace

void Digest::Deleter::operator()(void* context) const {
  EVP_MD_CTX_free(context_of(context));
}

Digest::Digest(DigestKind kind) : kind_(kind), context_(EVP_MD_CTX_new()) {
  require(context_ != nullptr && EVP_DigestInit_ex(context_of(context_.get()), algorithm(kind), nullptr) == 1);
}

Digest& Digest::add(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(context_of(context_.get()), bytes.data(), bytes.size()));
  return *this;
}

Digest& Digest::add_entry(std::string_view text) {
  const std::string size = fmt::format("{}:", text.size());
  return add(std::as_bytes(std::span(size))).add(std::as_bytes(std::span(text)));
}

std::string Digest::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  require(EVP_DigestFinal_ex(context_of(context_.get()), bytes.data(), &size));
  std::string text;
  for (const unsigned char byte : std::span(bytes).first(kind_ == DigestKind::content ? kContentBytes : size))
    text += fmt::format("{:02x}", byte);
  return text;
}

std::string digest_of(std::span<const std::byte> bytes, DigestKind kind) {
  return Digest(kind).add(bytes).hex();
}

std::string digest_of(std::string_view text, DigestKind kind) {
  return digest_of(std::as_bytes(std::span(text)), kind);
}

std::string digest_of_file(const std::filesystem::path& path, DigestKind kind) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(path.string(), "cannot be read", "check the path and its permissions");
  Digest digest(kind);
  std::vector<char> buffer(std::size_t{1} << 20);
  do {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    digest.add(std::as_bytes(std::span(buffer).first(static_cast<std::size_t>(file.gcount()))));
  } while (file);
  if (file.bad()) throw Error(path.string(), "cannot be read", "check the disk");
  return digest.hex();
}

}  // namespace nnunet
