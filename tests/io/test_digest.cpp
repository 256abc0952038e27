#include "nnunet/io/digest.h"

#include <gtest/gtest.h>

#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/earlier_digest.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

std::string text_digest(const std::string& text, DigestKind kind) {
  return digest_of(std::string_view(text), kind);
}

TEST(Digest, KnownValues) {  // FIPS 180-4, RFC 1321, RFC 7693
  EXPECT_EQ(text_digest("", DigestKind::md5), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(text_digest("abc", DigestKind::md5), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(text_digest("abc", DigestKind::sha1), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(text_digest("abc", DigestKind::sha256), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(text_digest("abc", DigestKind::content), "ba80a53f981c4d0d6a2797b69f12f6e9");
}

TEST(Digest, OfFiles) {
  const test::TempFolder folder;
  for (const std::size_t size : {std::size_t{0}, std::size_t{3}, std::size_t{1} << 20, (std::size_t{1} << 20) + 1}) {
    const std::string content(size, 'a');
    write_text(folder / "file", content);
    for (const DigestKind kind : {DigestKind::content, DigestKind::sha256, DigestKind::sha1, DigestKind::md5})
      EXPECT_EQ(digest_of_file(folder / "file", kind), text_digest(content, kind)) << size;
  }
  EXPECT_THROW(digest_of_file(folder / "absent"), Error);
}

TEST(Digest, PartsAreOneTextAndEntriesAreNot) {
  const auto bytes = [](const std::string& text) { return std::as_bytes(std::span(text)); };
  const std::string a = "a", b = "b", both = "ab";
  EXPECT_EQ(Digest().add(bytes(a)).add(bytes(b)).hex(), digest_of(bytes(both)));
  EXPECT_NE(Digest().add_entry("a").add_entry("b").hex(), Digest().add_entry("ab").hex());
  EXPECT_NE(Digest().add_entry("").add_entry("ab").hex(), Digest().add_entry("ab").add_entry("").hex());
}

// Digests that commit 539196e wrote.
TEST(EarlierDigest, IsWhatEarlierVersionsWrote) {
  const std::string text = "some text that is longer than a step";
  EXPECT_EQ(earlier_digest(std::as_bytes(std::span(text))), 0xf9391d9ab55d84a4U);
  EXPECT_EQ(earlier_digest(std::as_bytes(std::span(text)), 36), 0xfedf7aa9c3a2c4dcU);
  EXPECT_EQ(earlier_list_digest({"a_1", "imagesTr/a_1.nii.gz", ""}), "61c92aa150fbd6b0");
  EXPECT_TRUE(is_earlier_digest("00112233aabbccdd"));
  EXPECT_FALSE(is_earlier_digest(digest_of(std::string_view(text))));
}

}  // namespace
}  // namespace nnunet
