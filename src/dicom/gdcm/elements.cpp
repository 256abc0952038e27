#include "elements.h"

#include <fmt/format.h>
#include <gdcmExplicitDataElement.h>
#include <gdcmImplicitDataElement.h>
#include <gdcmSwapper.h>
#include <gdcmTag.h>
#include <gdcmVL.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>

#include "instance.h"
#include "nnunet/core/limits.h"
#include "transfer_syntaxes.h"

// Tags, kinds and lengths are read by GDCM, one element at a time. Its own loops over a file would take any memory that
// a length asks for, and go as deep as sequences are nested.
namespace nnunet::dicom {

namespace {

constexpr Tag kPixelData = 0x7fe00010, kItem = 0xfffee000, kItemEnd = 0xfffee00d, kSequenceEnd = 0xfffee0dd,
              kTransferSyntax = 0x00020010;
constexpr std::uint32_t kUndefined = 0xffffffff;
constexpr std::uint64_t kLongestValue = 64 * limits::kibi;
constexpr std::uint32_t kLongestUid = 64;
constexpr int kDeepest = 16;
constexpr std::string_view kImplicit = "1.2.840.10008.1.2", kBigEndian = "1.2.840.10008.1.2.2",
                           kExplicit = "1.2.840.10008.1.2.1";

std::string trimmed(std::string text) {
  const auto is_padding = [](char c) { return c == ' ' || c == '\0'; };
  while (!text.empty() && is_padding(text.back())) text.pop_back();
  text.erase(text.begin(), std::ranges::find_if_not(text, is_padding));
  return text;
}

std::optional<double> number_in(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

Tag tag_of(const gdcm::Tag& tag) {
  return (Tag{tag.GetGroup()} << 16U) | tag.GetElement();
}

/// An element's beginning.
struct Head {
  Tag tag = 0;
  std::uint32_t length = 0;
  bool unknown = false;   ///< nobody knows what it holds (UN)
  bool words = false;     ///< 16-bit words (OW)
  std::size_t width = 1;  ///< bytes of a binary number
};

std::size_t width_of(gdcm::VR::VRType kind) {
  if (kind == gdcm::VR::US || kind == gdcm::VR::SS || kind == gdcm::VR::AT) return 2;
  if (kind == gdcm::VR::UL || kind == gdcm::VR::SL || kind == gdcm::VR::FL) return 4;
  return kind == gdcm::VR::FD ? 8 : 1;
}

template <class T>
std::vector<double> binary_numbers(const std::string& bytes) {
  std::vector<double> numbers;
  if (bytes.size() % sizeof(T) != 0) return numbers;
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(T)) {
    T value{};
    std::memcpy(&value, bytes.data() + i, sizeof value);
    const auto number = static_cast<double>(value);
    if (!std::isfinite(number)) return {};
    numbers.push_back(number);
  }
  return numbers;
}

enum class Form { explicit_little, implicit_little, explicit_big };

}  // namespace

/// The bytes that elements are read from: the file, or what it unpacks to.
struct DicomFile::Source {
  std::unique_ptr<std::istream> stream;
  std::uint64_t size = 0;
  Form form = Form::explicit_little;

  std::uint64_t position() const { return static_cast<std::uint64_t>(stream->tellg()); }
  std::uint64_t left() const { return size - position(); }
  void go_to(std::uint64_t position) const {
    stream->clear();
    stream->seekg(static_cast<std::streamoff>(position));
  }

  template <class Element, class Swap>
  Head read_head() const {
    Element element;
    element.template ReadPreValue<Swap>(*stream);
    if (!*stream) throw Unreadable("is truncated or damaged: an element has no end");
    const gdcm::VR vr = element.GetVR();
    return {tag_of(element.GetTag()), element.GetVL(), vr == gdcm::VR::UN, vr == gdcm::VR::OW, width_of(vr)};
  }

  Head next() const {
    constexpr std::uint64_t shortest = 8;  // tag and length
    if (left() < shortest) throw Unreadable("is truncated: an element has no end");
    try {
      switch (form) {
        case Form::explicit_big:
          return read_head<gdcm::ExplicitDataElement, gdcm::SwapperDoOp>();
        case Form::implicit_little:
          return read_head<gdcm::ImplicitDataElement, gdcm::SwapperNoOp>();
        default:
          return read_head<gdcm::ExplicitDataElement, gdcm::SwapperNoOp>();
      }
    } catch (const Unreadable&) {
      throw;
    } catch (const std::exception&) {
      throw Unreadable("is damaged: an element of no known kind");
    }
  }

  /// Tag and length, as items have them.
  Head next_item() const {
    gdcm::Tag tag;
    gdcm::VL length;
    if (form == Form::explicit_big) {
      tag.Read<gdcm::SwapperDoOp>(*stream);
      length.Read<gdcm::SwapperDoOp>(*stream);
    } else {
      tag.Read<gdcm::SwapperNoOp>(*stream);
      length.Read<gdcm::SwapperNoOp>(*stream);
    }
    if (!*stream) throw Unreadable("is truncated or damaged: a sequence has no end");
    return {tag_of(tag), length};
  }

  std::string take(std::uint64_t count) const {
    if (count > left()) throw Unreadable("is truncated");
    std::string bytes(count, '\0');
    stream->read(bytes.data(), static_cast<std::streamsize>(count));
    if (!*stream) throw Unreadable("cannot be read to its end");
    return bytes;
  }

  void pass(std::uint64_t count) const {
    if (count > left()) throw Unreadable("is truncated: an element is longer than the file");
    go_to(position() + count);
  }

  void pass_fragments() const {
    for (Head item = next_item(); item.tag != kSequenceEnd; item = next_item()) {
      if (item.tag != kItem) throw Unreadable("is damaged: its icon's pixel data have no end");
      pass(item.length);
    }
  }

  std::string value(const Head& head) const {
    std::string bytes = take(head.length);
    if (form == Form::explicit_big)
      for (auto at = bytes.begin(); static_cast<std::size_t>(bytes.end() - at) >= head.width;) {
        const auto end = at + static_cast<std::ptrdiff_t>(head.width);
        std::reverse(at, end);
        at = end;
      }
    return bytes;
  }

  /// Elements to `end`, or to the mark that ends an item, or before the pixel data.
  void read_into(Elements& out, const Wanted& wanted, std::uint64_t end, int depth);
  std::vector<Elements> read_items(const Head& head, const Wanted& wanted, int depth);
};

void DicomFile::Source::read_into(Elements& out, const Wanted& wanted, std::uint64_t end, int depth) {
  if (depth > kDeepest) throw Unreadable("nests sequences too deeply");
  while (position() < end) {
    const std::uint64_t begin = position();
    const Head head = next();
    if (head.tag == kItemEnd) return;
    if (head.tag == kPixelData && depth == 0) return go_to(begin);
    if (head.tag == kPixelData && head.length == kUndefined) {
      pass_fragments();  // of an icon
    } else if (std::ranges::binary_search(wanted.sequences, head.tag)) {
      out.sequences[head.tag] = read_items(head, wanted, depth + 1);
    } else if (head.length == kUndefined) {
      read_items(head, {}, depth + 1);  // its end is found in no other way
    } else if (std::ranges::binary_search(wanted.values, head.tag) && head.length <= kLongestValue) {
      out.values[head.tag] = value(head);
    } else {
      pass(head.length);
    }
  }
}

std::vector<Elements> DicomFile::Source::read_items(const Head& head, const Wanted& wanted, int depth) {
  if (head.unknown && head.length == kUndefined && form == Form::explicit_little) {
    form = Form::implicit_little;  // what somebody copied without knowing it (PS3.5, 6.2.2)
    std::vector<Elements> items = read_items({head.tag, head.length}, wanted, depth);
    form = Form::explicit_little;
    return items;
  }
  const std::uint32_t length = head.length;
  if (length != kUndefined && length > left()) throw Unreadable("is truncated: a sequence is longer than the file");
  const std::uint64_t end = length == kUndefined ? size : position() + length;
  std::vector<Elements> items;
  while (position() < end) {
    const Head item = next_item();
    if (item.tag == kSequenceEnd) break;
    if (item.tag != kItem) throw Unreadable("is damaged: a sequence holds something that is no item");
    if (item.length != kUndefined && item.length > left())
      throw Unreadable("is truncated: an item is longer than the file");
    read_into(items.emplace_back(), wanted, item.length == kUndefined ? size : position() + item.length, depth);
  }
  return items;
}

std::string Elements::text(Tag tag) const {
  const auto found = values.find(tag);
  return found == values.end() ? std::string() : trimmed(found->second);
}

std::vector<std::string> Elements::texts(Tag tag) const {
  std::vector<std::string> all;
  std::istringstream stream(text(tag));
  for (std::string one; std::getline(stream, one, '\\');) all.push_back(trimmed(one));
  return all;
}

std::optional<double> Elements::number(Tag tag) const {
  const auto all = texts(tag);
  return all.empty() ? std::nullopt : number_in(all.front());
}

std::vector<double> Elements::decimals(Tag tag) const {
  std::vector<double> numbers;
  for (const std::string& text : texts(tag)) {
    const auto number = number_in(text);
    if (!number) return {};
    numbers.push_back(*number);
  }
  return numbers;
}

std::vector<double> Elements::doubles(Tag tag) const {
  const auto found = values.find(tag);
  return found == values.end() ? std::vector<double>() : binary_numbers<double>(found->second);
}

std::vector<double> Elements::longs(Tag tag) const {
  const auto found = values.find(tag);
  return found == values.end() ? std::vector<double>() : binary_numbers<std::uint32_t>(found->second);
}

std::vector<double> Elements::words(Tag tag) const {
  const auto found = values.find(tag);
  return found == values.end() ? std::vector<double>() : binary_numbers<std::uint16_t>(found->second);
}

std::vector<Tag> Elements::tags(Tag tag) const {
  const std::vector<double> halves = words(tag);
  std::vector<Tag> all;
  for (std::size_t i = 0; i + 1 < halves.size(); i += 2)
    all.push_back((static_cast<Tag>(halves[i]) << 16U) | static_cast<Tag>(halves[i + 1]));
  return all;
}

template <std::size_t N>
std::optional<std::array<double, N>> Elements::numbers(Tag tag) const {
  const auto all = texts(tag);
  if (all.size() != N) return std::nullopt;
  std::array<double, N> result{};
  for (std::size_t i = 0; i < N; ++i) {
    const auto value = number_in(all[i]);
    if (!value) return std::nullopt;
    result[i] = *value;
  }
  return result;
}
template std::optional<std::array<double, 2>> Elements::numbers(Tag) const;
template std::optional<std::array<double, 3>> Elements::numbers(Tag) const;
template std::optional<std::array<double, 6>> Elements::numbers(Tag) const;

std::optional<std::uint16_t> Elements::word(Tag tag) const {
  const auto found = values.find(tag);
  if (found == values.end() || found->second.size() < 2) return std::nullopt;
  std::uint16_t value = 0;
  std::memcpy(&value, found->second.data(), sizeof value);
  return value;
}

const Elements* Elements::item(Tag tag) const {
  const auto found = sequences.find(tag);
  return found == sequences.end() || found->second.empty() ? nullptr : &found->second.front();
}

DicomFile::DicomFile(const std::filesystem::path& path, const Wanted& wanted) : source_(std::make_unique<Source>()) {
  source_->stream = std::make_unique<std::ifstream>(path, std::ios::binary);
  source_->stream->seekg(0, std::ios::end);
  if (!*source_->stream) throw Unreadable("cannot be opened");
  source_->size = source_->position();
  open_meta();
  if (transfer_syntax_ == kDeflated) inflate_rest();
  source_->form = transfer_syntax_ == kBigEndian  ? Form::explicit_big
                  : transfer_syntax_ == kImplicit ? Form::implicit_little
                                                  : Form::explicit_little;
  read_elements(wanted);
}

DicomFile::~DicomFile() = default;

/// Preamble and group 2, which may both be missing; leaves the stream before the first element behind.
void DicomFile::open_meta() {
  constexpr std::uint64_t preamble = 128;
  Source& s = *source_;
  s.go_to(0);
  std::string start = s.take(std::min<std::uint64_t>(s.size, preamble + 4));
  const bool has_preamble = start.size() == preamble + 4 && start.ends_with("DICM");
  if (!has_preamble) {
    if (start.size() < 8) throw Unreadable("is no DICOM file", false);
    const std::string_view group = std::string_view(start).substr(0, 2);
    const auto is_letter = [](char c) { return c >= 'A' && c <= 'Z'; };
    const bool says_kind = is_letter(start[4]) && is_letter(start[5]);
    if (group == std::string_view("\x08\0", 2))
      transfer_syntax_ = says_kind ? kExplicit : kImplicit;
    else if (group == std::string_view("\0\x08", 2) && says_kind)
      transfer_syntax_ = kBigEndian;
    else if (group != std::string_view("\x02\0", 2) || !says_kind)
      throw Unreadable("is no DICOM file", false);
    s.go_to(0);
    if (!transfer_syntax_.empty()) return;
  }
  while (s.left() > 0) {
    const std::uint64_t begin = s.position();
    if (s.left() < 2 || s.take(2) != std::string_view("\x02\0", 2)) {
      s.go_to(begin);
      break;
    }
    s.go_to(begin);
    const Head head = s.next();
    if (head.length <= kLongestUid)
      meta_.values[head.tag] = s.value(head);
    else
      s.pass(head.length);
  }
  transfer_syntax_ = meta_.text(kTransferSyntax);
  if (transfer_syntax_.empty()) throw Unreadable("does not say its transfer syntax");
}

void DicomFile::inflate_rest() {
  const std::string packed = source_->take(source_->left());
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, void (*)(z_stream*)> closing(&stream, [](z_stream* s) { inflateEnd(s); });
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string content, piece(limits::mebi, '\0');
  for (int code = Z_OK; code != Z_STREAM_END;) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    code = inflate(&stream, Z_NO_FLUSH);
    content.append(piece, 0, piece.size() - stream.avail_out);
    if (code == Z_BUF_ERROR || (code == Z_OK && stream.avail_in == 0 && stream.avail_out > 0))
      throw Unreadable("is truncated");
    if (code != Z_OK && code != Z_STREAM_END) throw Unreadable("is damaged: its deflated content");
    if (content.size() > limits::dicom_deflated_bytes && content.size() / limits::archive_ratio > packed.size())
      throw Unreadable("unpacks to far more than it holds itself");
  }
  source_->size = content.size();
  source_->stream = std::make_unique<std::istringstream>(std::move(content));
}

void DicomFile::read_elements(const Wanted& wanted) {
  Source& s = *source_;
  s.read_into(elements_, wanted, s.size, 0);
  if (s.left() == 0) return;
  const Head head = s.next();
  PixelPlace place{s.position(), head.length, false, head.length == kUndefined, head.words};
  if (place.fragments || place.size > s.left()) place.size = s.left();
  place.truncated = !place.fragments && place.size < head.length;
  pixels_ = place;
}

std::string DicomFile::bytes(std::uint64_t begin, std::uint64_t size) {
  source_->go_to(begin);
  return source_->take(size);
}

DicomFile::Fragments DicomFile::fragments() {
  const Source& s = *source_;
  Fragments result;
  s.go_to(pixels_->begin);
  std::uint64_t first = 0;
  for (bool is_table = true;; is_table = false) {
    const std::uint64_t item = s.position();
    if (s.left() < 8) {
      result.truncated = true;  // the mark of its end is missing
      return result;
    }
    const Head head = s.next_item();
    if (head.tag == kSequenceEnd) return result;
    if (head.tag != kItem || head.length == kUndefined || head.length > s.left()) {
      result.truncated = true;
      return result;
    }
    if (is_table) {
      result.offsets = s.take(head.length);
      first = s.position();
    } else {
      result.all.push_back({s.position(), head.length, item - first});
      s.pass(head.length);
    }
  }
}

}  // namespace nnunet::dicom
