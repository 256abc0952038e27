#include "packed_header.h"

#include <fmt/format.h>

namespace nnunet::dicom {

namespace {

[[noreturn]] void refuse_header() {
  throw Unreadable("is damaged: its packed picture has no header");
}

unsigned byte_at(std::string_view file, std::size_t at) {
  if (at >= file.size()) refuse_header();
  return static_cast<unsigned char>(file[at]);
}

unsigned word_at(std::string_view file, std::size_t at) {
  return byte_at(file, at) << 8U | byte_at(file, at + 1);
}

// Marker codes of JPEG (ITU-T T.81, table B.1) and of JPEG-LS's frame (T.87).
constexpr unsigned kMark = 0xff, kTemporary = 0x01, kFirstRestart = 0xd0, kLastRestart = 0xd7, kStart = 0xd8,
                   kScan = 0xda, kFrameOfLs = 0xf7, kJfif = 0xe0;

bool is_frame(unsigned code) {
  return (code >= 0xc0 && code <= 0xc3) || code == kFrameOfLs;
}

/// What a frame's header says, beginning at its length.
void require_frame(std::string_view segment, const Instance& instance) {
  const unsigned precision = byte_at(segment, 2), rows = word_at(segment, 3), columns = word_at(segment, 5);
  if (columns != instance.columns || rows != instance.rows)
    throw Unreadable(fmt::format("is damaged: its packed picture is {} x {}, the header says {} x {}", rows, columns,
                                 instance.rows, instance.columns));
  const int bits = precision <= 8 ? 8 : 16;
  if (byte_at(segment, 7) != 1 || precision < 2 || precision > 16 || bits != instance.bits_allocated)
    throw Unreadable(fmt::format("is damaged: its packed picture has {} colours of {} bits, the header says 1 of {}",
                                 byte_at(segment, 7), precision, instance.bits_allocated));
}

}  // namespace

void require_jpeg_header(std::string_view file, const Instance& instance) {
  if (byte_at(file, 0) != kMark || byte_at(file, 1) != kStart) refuse_header();
  bool has_frame = false;
  for (std::size_t at = 2;;) {
    if (byte_at(file, at) != kMark) refuse_header();
    while (byte_at(file, at) == kMark) ++at;  // any number of them may precede a code
    const unsigned code = byte_at(file, at++);
    if (code == kTemporary || (code >= kFirstRestart && code <= kLastRestart)) continue;
    const unsigned length = word_at(file, at);
    if (length < 2 || length > file.size() - at) refuse_header();
    const std::string_view segment = file.substr(at, length);
    if (code == kJfif && segment.size() > 7 && segment.substr(2, 4) == "JFIF" && byte_at(segment, 7) != 1)
      refuse_header();
    if (is_frame(code)) {
      // Pictures with losses have 8 or 12 bits.
      const unsigned precision = byte_at(segment, 2);
      if (code < 0xc3 && precision != 8 && precision != 12) refuse_header();
      require_frame(segment, instance);
      has_frame = true;
    }
    if (code == kScan) break;
    at += length;
  }
  if (!has_frame) refuse_header();
}

void require_rle_header(std::string_view file, const Instance& instance) {
  constexpr std::size_t header = 64;
  if (file.size() < header) refuse_header();
  unsigned segments = 0;
  for (std::size_t i = 4; i > 0; --i) segments = segments << 8U | byte_at(file, i - 1);
  if (segments != static_cast<unsigned>(instance.bits_allocated / 8))
    throw Unreadable(fmt::format("is damaged: its packed picture has {} segments, voxels of {} bits have {}", segments,
                                 instance.bits_allocated, instance.bits_allocated / 8));
}

}  // namespace nnunet::dicom
