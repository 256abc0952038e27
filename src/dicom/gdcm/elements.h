#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <istream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace nnunet::dicom {

/// (group, element) as one number: 0x00280010.
using Tag = std::uint32_t;

/// Elements that were asked for. Values are the bytes of the file, but numbers in this machine's order.
struct Elements {
  std::map<Tag, std::string> values;
  std::map<Tag, std::vector<Elements>> sequences;
  bool has(Tag tag) const { return values.contains(tag) || sequences.contains(tag); }
  /// Without padding; empty where there is none.
  std::string text(Tag tag) const;
  std::vector<std::string> texts(Tag tag) const;  ///< parted at backslashes
  std::optional<double> number(Tag tag) const;    ///< the first one, written as text
  /// All of a value, none where one of them is no finite number: written as text, or binary (doubles, of 32, of 16
  /// bits).
  std::vector<double> decimals(Tag tag) const;
  std::vector<double> doubles(Tag tag) const;
  std::vector<double> longs(Tag tag) const;
  std::vector<double> words(Tag tag) const;
  std::vector<Tag> tags(Tag tag) const;
  template <std::size_t N>
  std::optional<std::array<double, N>> numbers(Tag tag) const;
  std::optional<std::uint16_t> word(Tag tag) const;
  /// The first item of a sequence; null where there is none.
  const Elements* item(Tag tag) const;
};

/// What is kept of a file, at any depth; in order.
struct Wanted {
  std::vector<Tag> values, sequences;
};

/// Where the pixel data lie in the stream.
struct PixelPlace {
  std::uint64_t begin = 0;
  std::uint64_t size = 0;  ///< bytes that are there
  bool truncated = false;  ///< fewer than the header says
  bool fragments = false;
  bool words = false;  ///< 16-bit words (OW)
};

/// A file's elements up to and with the place of its pixel data. Lengths are believed only as far as the file goes, and
/// what is not wanted is passed over, so memory is taken for small values only.
class DicomFile {
 public:
  /// Throws Unreadable.
  DicomFile(const std::filesystem::path& path, const Wanted& wanted);
  ~DicomFile();
  DicomFile(const DicomFile&) = delete;
  DicomFile& operator=(const DicomFile&) = delete;

  const std::string& transfer_syntax() const { return transfer_syntax_; }
  /// Group 2: what is said about the file itself.
  const Elements& meta() const { return meta_; }
  const Elements& elements() const { return elements_; }
  const std::optional<PixelPlace>& pixels() const { return pixels_; }
  /// Bytes of the stream that the elements are in. Throws Unreadable where it ends before.
  std::string bytes(std::uint64_t begin, std::uint64_t size);
  /// The fragments of the pixel data: what precedes them (the offset table) and where each lies.
  struct Fragment {
    std::uint64_t begin, size, item;  ///< item: of its header, from the first fragment's on
  };
  struct Fragments {
    std::string offsets;
    std::vector<Fragment> all;
    bool truncated = false;
  };
  Fragments fragments();

 private:
  struct Source;
  void open_meta();
  void inflate_rest();
  void read_elements(const Wanted& wanted);

  std::unique_ptr<Source> source_;
  std::string transfer_syntax_;
  Elements meta_, elements_;
  std::optional<PixelPlace> pixels_;
};

}  // namespace nnunet::dicom
