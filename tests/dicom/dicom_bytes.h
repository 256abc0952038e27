#pragma once
#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <bit>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// DICOM files byte by byte (PS3.5, PS3.10), so that tests say what is in them, however wrong.
namespace nnunet::test {

enum class DicomForm { explicit_little, implicit_little, explicit_big };

class DicomBytes {
 public:
  explicit DicomBytes(DicomForm form = DicomForm::explicit_little) : form_(form) {}

  DicomBytes& text(std::uint32_t tag, std::string_view vr, std::string value) {
    if (value.size() % 2 != 0) value += vr == "UI" ? '\0' : ' ';
    return element(tag, vr, value);
  }
  DicomBytes& word(std::uint32_t tag, std::uint16_t value, std::string_view vr = "US") {
    DicomBytes bytes(form_);
    bytes.number(value, 2);
    return element(tag, vr, bytes.out_);
  }
  DicomBytes& doubles(std::uint32_t tag, const std::vector<double>& values) {
    DicomBytes bytes(form_);
    for (const double value : values) bytes.number(std::bit_cast<std::uint64_t>(value), 8);
    return element(tag, "FD", bytes.out_);
  }
  DicomBytes& longs(std::uint32_t tag, const std::vector<std::uint32_t>& values) {
    DicomBytes bytes(form_);
    for (const std::uint32_t value : values) bytes.number(value, 4);
    return element(tag, "UL", bytes.out_);
  }
  DicomBytes& words(std::uint32_t tag, const std::vector<std::uint16_t>& values) {
    DicomBytes bytes(form_);
    for (const std::uint16_t value : values) bytes.number(value, 2);
    return element(tag, "US", bytes.out_);
  }
  /// items: each a DicomBytes of the same form.
  DicomBytes& sequence(std::uint32_t tag, const std::vector<DicomBytes>& items) {
    DicomBytes content(form_);
    for (const DicomBytes& item : items) {
      content.tag(0xfffee000);
      content.number(static_cast<std::uint32_t>(item.out_.size()), 4);
      content.out_ += item.out_;
    }
    return element(tag, "SQ", content.out_);
  }
  DicomBytes& element(std::uint32_t tag_number, std::string_view vr, std::string_view value) {
    head(tag_number, vr, static_cast<std::uint32_t>(value.size()));
    out_ += value;
    return *this;
  }
  DicomBytes& head(std::uint32_t tag_number, std::string_view vr, std::uint32_t length) {
    tag(tag_number);
    const bool wide = vr == "OB" || vr == "OW" || vr == "SQ" || vr == "UN" || vr == "UT";
    if (form_ == DicomForm::implicit_little) {
      number(length, 4);
    } else {
      out_ += vr;
      if (wide) out_ += std::string(2, '\0');
      number(length, wide ? 4 : 2);
    }
    return *this;
  }
  DicomBytes& tag(std::uint32_t value) {
    number(value >> 16U, 2);
    number(value & 0xffffU, 2);
    return *this;
  }
  DicomBytes& number(std::uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) {
      const unsigned byte = form_ == DicomForm::explicit_big ? bytes - 1 - i : i;  // from the least one on
      out_ += static_cast<char>(byte < sizeof value ? value >> (8 * byte) : 0);
    }
    return *this;
  }
  DicomBytes& raw(std::string_view bytes) {
    out_ += bytes;
    return *this;
  }
  /// Fragments with an empty or given offset table.
  DicomBytes& fragments(const std::vector<std::string>& all, std::string_view table = {}) {
    head(0x7fe00010, "OB", 0xffffffff).tag(0xfffee000).number(table.size(), 4).raw(table);
    for (const std::string& one : all)
      tag(0xfffee000).number(one.size() + one.size() % 2, 4).raw(one).raw(std::string(one.size() % 2, '\0'));
    return tag(0xfffee0dd).number(0, 4);
  }

  const std::string& bytes() const { return out_; }
  DicomForm form() const { return form_; }

 private:
  DicomForm form_;
  std::string out_;
};

/// Preamble and the file's own group before a data set.
inline std::string dicom_file(const std::string& transfer_syntax, std::string_view data_set) {
  const std::string meta = DicomBytes().text(0x00020010, "UI", transfer_syntax).bytes();
  DicomBytes file;
  file.raw(std::string(128, '\0')).raw("DICM").head(0x00020000, "UL", 4).number(meta.size(), 4).raw(meta).raw(data_set);
  return file.bytes();
}

inline std::string deflated(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// A plane of a small CT, as files have it; what a test is about is set by it.
struct DicomSlice {
  std::string series = "1.2.3.4", instance = "1.2.3.4.1", study = "1.2.3", frame_of_reference = "1.2.9";
  std::string modality = "CT", photometric = "MONOCHROME2", image_type = "ORIGINAL\\PRIMARY\\AXIAL";
  std::string orientation = "1\\0\\0\\0\\1\\0", spacing = "0.5\\0.75";
  std::array<double, 3> position{-10, -20, 30};
  bool placed = true;
  int rows = 4, columns = 6, samples = 1, allocated = 16, stored = 16, high_bit = 15, is_signed = 1;
  std::string slope, intercept, padding;  ///< empty: not there; padding: its two bytes
  std::string more;                       ///< further elements, as DicomBytes
  std::vector<std::int16_t> values;       ///< rows x columns

  /// All but the pixel data.
  DicomBytes header(DicomForm form = DicomForm::explicit_little) const {
    DicomBytes d(form);
    d.text(0x00080005, "CS", "ISO_IR 192").text(0x00080008, "CS", image_type);
    d.text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2").text(0x00080018, "UI", instance);
    d.text(0x00080060, "CS", modality);
    d.text(0x00100010, "PN",
           "D\xc3\xb6"
           "e^Jane")
        .text(0x00100020, "LO", "4711");
    d.text(0x00180050, "DS", "2.5");
    d.text(0x0020000d, "UI", study).text(0x0020000e, "UI", series).text(0x00200011, "IS", "3");
    if (placed)
      d.text(0x00200032, "DS", fmt::format("{}\\{}\\{}", position[0], position[1], position[2]))
          .text(0x00200037, "DS", orientation);
    d.text(0x00200052, "UI", frame_of_reference);
    return pixel_format(d);
  }

  DicomBytes& pixel_format(DicomBytes& d) const {
    const auto word = [](int value) { return static_cast<std::uint16_t>(value); };
    d.word(0x00280002, word(samples)).text(0x00280004, "CS", photometric);
    d.word(0x00280010, word(rows)).word(0x00280011, word(columns));
    if (placed) d.text(0x00280030, "DS", spacing);
    d.word(0x00280100, word(allocated)).word(0x00280101, word(stored)).word(0x00280102, word(high_bit));
    d.word(0x00280103, word(is_signed));
    if (!padding.empty()) d.element(0x00280120, is_signed != 0 ? "SS" : "US", padding);
    if (!intercept.empty()) d.text(0x00281052, "DS", intercept);
    if (!slope.empty()) d.text(0x00281053, "DS", slope);
    return d.raw(more);
  }

  std::string pixels(DicomForm form = DicomForm::explicit_little) const {
    DicomBytes d(form);
    for (const std::int16_t value : values)
      d.number(static_cast<std::uint64_t>(static_cast<std::uint16_t>(value)), allocated == 8 ? 1 : 2);
    return d.bytes();
  }

  std::string file() const {
    return dicom_file("1.2.840.10008.1.2.1", header().element(0x7fe00010, "OW", pixels()).bytes());
  }
};

/// Slice z of a series of its own values, 2 mm apart.
inline DicomSlice dicom_slice(int z) {
  DicomSlice slice;
  slice.instance = fmt::format("1.2.3.4.{}", z + 1);
  slice.position[2] += 2.0 * z;
  for (int i = 0; i < slice.rows * slice.columns; ++i)
    slice.values.push_back(static_cast<std::int16_t>((i * 7 + z * 31) % 97 - 40));
  return slice;
}

inline void write_bytes(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

/// count files of dicom_slice, changed by `change`, in a folder.
template <class Change>
void write_series(const std::filesystem::path& folder, int count, Change change) {
  for (int z = 0; z < count; ++z) {
    DicomSlice slice = dicom_slice(z);
    change(slice, z);
    write_bytes(folder / fmt::format("{:02}.dcm", (z * 3) % 7), slice.file());  // names in another order
  }
}
inline void write_series(const std::filesystem::path& folder, int count) {
  write_series(folder, count, [](DicomSlice&, int) {});
}

/// A zip whose entries are not packed.
inline std::string stored_zip(const std::vector<std::pair<std::string, std::string>>& entries) {
  DicomBytes out, directory;
  for (const auto& [name, content] : entries) {
    const auto crc = crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size()));
    const std::size_t at = out.bytes().size();
    DicomBytes common;  // version, flags, method, time, date, checksum, sizes, lengths of name and extra field
    common.number(20, 2).number(0, 8).number(crc, 4).number(content.size(), 4).number(content.size(), 4);
    common.number(name.size(), 2).number(0, 2);
    out.raw("PK\x03\x04").raw(common.bytes()).raw(name).raw(content);
    directory.raw("PK\x01\x02").number(20, 2).raw(common.bytes()).number(0, 10).number(at, 4).raw(name);
  }
  const std::size_t at = out.bytes().size();
  out.raw(directory.bytes()).raw("PK\x05\x06").number(0, 4).number(entries.size(), 2).number(entries.size(), 2);
  return out.number(directory.bytes().size(), 4).number(at, 4).number(0, 2).bytes();
}

}  // namespace nnunet::test
