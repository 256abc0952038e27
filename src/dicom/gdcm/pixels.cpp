#include "pixels.h"

#include <fmt/format.h>
#include <gdcmBitmap.h>
#include <gdcmSequenceOfFragments.h>

#include <algorithm>
#include <cstring>

#include "header.h"
#include "jpeg2000.h"
#include "packed_header.h"
#include "transfer_syntaxes.h"

namespace nnunet::dicom {

namespace {

constexpr std::string_view kBigEndian = "1.2.840.10008.1.2.2", kUnpackedFragments = "1.2.840.10008.1.2.1.98";

bool has_prefix(const Instance& instance, std::string_view prefix) {
  return instance.transfer_syntax.starts_with(prefix);
}
bool is_jpeg2000(const Instance& instance) {
  return has_prefix(instance, "1.2.840.10008.1.2.4.9") || has_prefix(instance, "1.2.840.10008.1.2.4.20");
}
bool is_jpeg_ls(const Instance& instance) {
  return has_prefix(instance, "1.2.840.10008.1.2.4.8");
}
bool is_jpeg(const Instance& instance) {
  return has_prefix(instance, "1.2.840.10008.1.2.4.5") || has_prefix(instance, "1.2.840.10008.1.2.4.7");
}

/// Bytes of this machine's order as numbers: the stored bits, the others cut off.
template <class T>
void unpack(std::string_view bytes, const Instance& instance, std::span<float> out) {
  const int low = std::max(0, instance.high_bit + 1 - instance.bits_stored);
  const int unused = 32 - instance.bits_stored;
  for (std::size_t i = 0; i < out.size(); ++i) {
    T word = 0;
    std::memcpy(&word, bytes.data() + i * sizeof(T), sizeof(T));
    const std::uint32_t bits = (std::uint32_t{word} >> low) << unused;
    out[i] = instance.is_signed ? static_cast<float>(static_cast<std::int32_t>(bits) >> unused)
                                : static_cast<float>(bits >> unused);
  }
}

void unpack(std::string_view bytes, const Instance& instance, std::span<float> out) {
  switch (instance.bits_allocated) {
    case 8:
      return unpack<std::uint8_t>(bytes, instance, out);
    case 16:
      return unpack<std::uint16_t>(bytes, instance, out);
    default:
      return unpack<std::uint32_t>(bytes, instance, out);
  }
}

/// 8 bits in 16-bit words lie the other way round, too.
void swap_bytes(std::string& bytes, const Instance& instance, bool words) {
  const std::size_t width =
      instance.bits_allocated == 8 ? (words ? 2 : 1) : static_cast<std::size_t>(instance.bits_allocated / 8);
  for (std::size_t i = 0; i + width <= bytes.size(); i += width)
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i),
                 bytes.begin() + static_cast<std::ptrdiff_t>(i + width));
}

/// One plane that GDCM unpacks: JPEG, JPEG-LS, RLE.
std::string decode(std::string_view file, const Instance& instance) {
  const auto narrow = [](std::int64_t value) { return static_cast<unsigned short>(value); };
  const gdcm::PixelFormat format(1, narrow(instance.bits_allocated), narrow(instance.bits_stored),
                                 narrow(instance.high_bit), narrow(instance.is_signed ? 1 : 0));
  if (is_jpeg(instance) || is_jpeg_ls(instance))
    require_jpeg_header(file, instance);
  else
    require_rle_header(file, instance);
  gdcm::Bitmap bitmap;
  bitmap.SetNumberOfDimensions(2);
  bitmap.SetDimension(0, static_cast<unsigned>(instance.columns));
  bitmap.SetDimension(1, static_cast<unsigned>(instance.rows));
  bitmap.SetPixelFormat(format);
  bitmap.SetPhotometricInterpretation(gdcm::PhotometricInterpretation::MONOCHROME2);
  bitmap.SetTransferSyntax(gdcm::TransferSyntax::GetTSType(instance.transfer_syntax.c_str()));
  gdcm::Fragment fragment;
  fragment.SetByteValue(file.data(), static_cast<std::uint32_t>(file.size()));
  const gdcm::SmartPointer<gdcm::SequenceOfFragments> fragments = new gdcm::SequenceOfFragments;
  fragments->AddFragment(fragment);
  gdcm::DataElement pixels(gdcm::Tag(0x7fe0, 0x0010));
  pixels.SetVR(gdcm::VR::OB);
  pixels.SetValue(*fragments);
  bitmap.SetDataElement(pixels);
  const auto size = static_cast<std::size_t>(instance.plane_bytes());
  if (bitmap.GetBufferLength() != size) throw Unreadable("has pixel data of a kind that is not supported");
  std::string out(size, '\0');
  if (!bitmap.GetBuffer(out.data())) throw Unreadable("is damaged or truncated: its pixel data cannot be unpacked");
  return out;
}

/// Which fragments are whose: one a frame, or by the offset table; of a single frame all.
std::vector<std::string> bytes_by_frame(DicomFile& file, const Instance& instance,
                                        std::span<const std::size_t> planes) {
  const DicomFile::Fragments fragments = file.fragments();
  const auto frames = static_cast<std::size_t>(instance.frames);
  std::vector<std::size_t> first;  // of each frame
  if (frames == 1) {
    first = {0};
  } else if (fragments.offsets.size() == 4 * frames) {
    for (std::size_t i = 0; i < frames; ++i) {
      std::uint32_t offset = 0;
      std::memcpy(&offset, fragments.offsets.data() + 4 * i, sizeof offset);
      const auto found = std::ranges::find(fragments.all, offset, &DicomFile::Fragment::item);
      if (found == fragments.all.end()) throw Unreadable("is damaged: the table of its frames points nowhere");
      first.push_back(static_cast<std::size_t>(found - fragments.all.begin()));
    }
    if (!std::ranges::is_sorted(first)) throw Unreadable("is damaged: the table of its frames has no order");
  } else if (fragments.all.size() == frames) {
    for (std::size_t i = 0; i < frames; ++i) first.push_back(i);
  } else {
    throw Unreadable(fmt::format("has {} frames in {} pieces, and no table of them", frames, fragments.all.size()));
  }
  first.push_back(fragments.all.size());
  std::vector<std::string> result;
  for (const std::size_t plane : planes) {
    std::string& bytes = result.emplace_back();
    for (std::size_t i = first[plane]; i < first[plane + 1]; ++i)
      bytes += file.bytes(fragments.all[i].begin, fragments.all[i].size);
  }
  return result;
}

void read_native(DicomFile& file, const Instance& instance, std::span<const std::size_t> planes,
                 std::span<float> values, const std::function<void(std::size_t, std::span<const float>)>& take) {
  const auto size = static_cast<std::uint64_t>(instance.plane_bytes());
  for (std::size_t i = 0; i < planes.size(); ++i) {
    // Words of 16 bits that hold bytes may begin in the middle of one.
    const std::uint64_t begin = planes[i] * size, odd = begin % 2;
    const std::uint64_t end = std::min(file.pixels()->size, begin + size + 1);
    std::string bytes = file.bytes(file.pixels()->begin + begin - odd, end - begin + odd);
    if (instance.transfer_syntax == kBigEndian) swap_bytes(bytes, instance, file.pixels()->words);
    if (bytes.size() < size + odd) throw Unreadable("is truncated");
    unpack(std::string_view(bytes).substr(odd), instance, values);
    take(i, values);
  }
}

}  // namespace

void read_planes(DicomFile& file, const Instance& instance, std::span<const std::size_t> planes,
                 const std::function<void(std::size_t i, std::span<const float> values)>& take) {
  if (!file.pixels()) throw Unreadable("has no pixel data");
  std::vector<float> values(static_cast<std::size_t>(instance.rows * instance.columns));
  if (is_native(instance.transfer_syntax) && !file.pixels()->fragments)
    return read_native(file, instance, planes, values, take);
  if (!file.pixels()->fragments) throw Unreadable("has pixel data that are not packed as its header says");
  const std::vector<std::string> frames = bytes_by_frame(file, instance, planes);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (is_jpeg2000(instance)) {
      std::ranges::copy(decode_jpeg2000(frames[i], instance), values.begin());
    } else {
      const std::string bytes =
          instance.transfer_syntax == kUnpackedFragments ? frames[i] : decode(frames[i], instance);
      if (bytes.size() < static_cast<std::size_t>(instance.plane_bytes())) throw Unreadable("is truncated");
      unpack(bytes, instance, values);
    }
    take(i, values);
  }
}

}  // namespace nnunet::dicom
