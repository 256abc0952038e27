// Pixel data as GDCM's own encoders pack them.
#include <gdcmImage.h>
#include <gdcmImageChangeTransferSyntax.h>
#include <gdcmSequenceOfFragments.h>
#include <gdcmSmartPointer.h>
#include <gtest/gtest.h>

#include "dicom/dicom_bytes.h"
#include "dicom/needs_dicom.h"
#include "message_of.h"
#include "nnunet/dicom/read_series.h"
#include "reference/shared.h"

namespace nnunet::dicom {
namespace {

using test::DicomSlice;

DicomSlice large_slice(int z) {
  DicomSlice slice = test::dicom_slice(z);
  slice.rows = 33;
  slice.columns = 47;
  slice.values.clear();
  for (int i = 0; i < slice.rows * slice.columns; ++i)
    slice.values.push_back(static_cast<std::int16_t>((i * i / 7 + z * 31) % 997 - (slice.is_signed != 0 ? 400 : 0)));
  return slice;
}

std::string packed(const DicomSlice& slice, const gdcm::TransferSyntax& syntax) {
  const auto narrow = [](int value) { return static_cast<unsigned short>(value); };
  const gdcm::SmartPointer<gdcm::Image> owned(new gdcm::Image);  // SetInput counts who has it
  gdcm::Image& image = *owned;
  image.SetNumberOfDimensions(2);
  image.SetDimension(0, static_cast<unsigned>(slice.columns));
  image.SetDimension(1, static_cast<unsigned>(slice.rows));
  image.SetPixelFormat(gdcm::PixelFormat(1, 16, narrow(slice.stored), narrow(slice.high_bit), narrow(slice.is_signed)));
  image.SetPhotometricInterpretation(gdcm::PhotometricInterpretation::MONOCHROME2);
  image.SetTransferSyntax(gdcm::TransferSyntax::ExplicitVRLittleEndian);
  const std::string pixels = slice.pixels();
  gdcm::DataElement element(gdcm::Tag(0x7fe0, 0x0010));
  element.SetByteValue(pixels.data(), static_cast<std::uint32_t>(pixels.size()));
  image.SetDataElement(element);
  gdcm::ImageChangeTransferSyntax change;
  change.SetTransferSyntax(syntax);
  change.SetInput(image);
  if (!change.Change()) return {};
  std::string bytes;
  const auto* fragments = change.GetOutput().GetDataElement().GetSequenceOfFragments();
  for (std::size_t i = 0; i < fragments->GetNumberOfFragments(); ++i) {
    const gdcm::ByteValue* value = fragments->GetFragment(i).GetByteValue();
    bytes.append(value->GetPointer(), value->GetLength());
  }
  return bytes;
}

std::string packed_file(const DicomSlice& slice, const std::string& syntax, const std::vector<std::string>& fragments) {
  return test::dicom_file(syntax, slice.header().fragments(fragments).bytes());
}

class PackedPixels : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { NNUNET_NEEDS_DICOM(); }
  std::string pack(const DicomSlice& slice) const { return packed(slice, gdcm::TransferSyntax::GetTSType(GetParam())); }
  Image read() const { return read_series(find_series(folder_.path()).series.at(0)); }
  test::TempFolder folder_;
};

TEST_P(PackedPixels, AreWhatWasPacked) {
  std::vector<float> expected;
  for (int z = 0; z < 3; ++z) {
    const DicomSlice slice = large_slice(z);
    const std::string bytes = pack(slice);
    ASSERT_FALSE(bytes.empty());
    const std::size_t half = bytes.size() / 4 * 2;
    const bool parted = z == 1;
    test::write_bytes(
        folder_ / fmt::format("{}", z),
        packed_file(slice, GetParam(),
                    parted ? std::vector{bytes.substr(0, half), bytes.substr(half)} : std::vector{bytes}));
    expected.insert(expected.end(), slice.values.begin(), slice.values.end());
  }
  EXPECT_EQ(read().voxels.values, expected);
}

TEST_P(PackedPixels, DamageIsNamed) {
  const DicomSlice slice = large_slice(0);
  const std::string bytes = pack(slice);
  DicomSlice larger = slice;
  larger.rows = 64;
  larger.columns = 64;
  const std::string wrong_size = packed_file(larger, GetParam(), {bytes});
  const std::string cut_data = packed_file(slice, GetParam(), {bytes.substr(0, 20)});
  const std::string cut_file = packed_file(slice, GetParam(), {bytes}).substr(0, 900);
  for (const std::string& file : {wrong_size, cut_data, cut_file}) {
    test::write_bytes(folder_ / "only", file);
    const std::string message = test::message_of([&] { read(); });
    EXPECT_NE(message.find("only"), std::string::npos) << message;
  }
}

/// What is said of the only file of a folder whose picture is packed so.
std::string said_of(const DicomSlice& slice, const std::string& syntax, const std::string& picture) {
  const test::TempFolder folder;
  test::write_bytes(folder / "only", packed_file(slice, syntax, {picture}));
  return test::message_of([&] { read_series(find_series(folder / "only").series.at(0)); });
}

// GDCM would end the process at these.
TEST(PackedHeaders, WhatIsNotExpectedIsNamed) {
  NNUNET_NEEDS_DICOM();
  const auto expect = [](const std::string& message, const char* part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  const DicomSlice slice = large_slice(0);
  for (const char* syntax : {"1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80"}) {
    const std::string good = packed(slice, gdcm::TransferSyntax::GetTSType(syntax));
    ASSERT_EQ(said_of(slice, syntax, good), "");
    const bool ls = std::string_view(syntax).ends_with("80");
    const std::size_t frame = good.find(ls ? "\xff\xf7" : "\xff\xc3");
    ASSERT_NE(frame, std::string::npos);
    const auto changed = [&](std::size_t at, char value) {
      std::string bytes = good;
      bytes[at] = value;
      return said_of(slice, syntax, bytes);
    };
    expect(changed(frame + 4, 8), "1 colours of 8 bits, the header says 1 of 16");
    expect(changed(frame + 4, 40), "colours of 40 bits");
    expect(changed(frame + 6, 1), "picture is 1 x 47, the header says 33 x 47");
    expect(changed(frame + 9, 2), "2 colours");
    expect(changed(frame, 'x'), "no header");  // something that is no marker
    expect(changed(frame + 2, '\x7f'), "no header");
    expect(said_of(slice, syntax, good.substr(0, frame)), "no header");
  }
  const std::string rle = packed(slice, gdcm::TransferSyntax(gdcm::TransferSyntax::RLELossless));
  for (const char segments : {'\0', '\1', '\3'}) {
    std::string bytes = rle;
    bytes[0] = segments;
    expect(said_of(slice, "1.2.840.10008.1.2.5", bytes), "segments, voxels of 16 bits have 2");
  }
}

INSTANTIATE_TEST_SUITE_P(Packings, PackedPixels,
                         testing::Values("1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.57",
                                         "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"));

// Each frame by itself: by the table of their places, or one piece each.
TEST(PackedFrames, AreFoundByTableOrOneByOne) {
  NNUNET_NEEDS_DICOM();
  const gdcm::TransferSyntax rle(gdcm::TransferSyntax::RLELossless);
  DicomSlice slice = large_slice(0);
  slice.placed = false;
  std::vector<std::string> pieces;
  std::vector<test::DicomBytes> places;
  std::vector<float> expected;
  for (int z = 0; z < 3; ++z) {
    const DicomSlice frame = large_slice(z);
    pieces.push_back(packed(frame, rle));
    places.push_back(test::DicomBytes().sequence(
        0x00209113, {test::DicomBytes().text(0x00200032, "DS", fmt::format("0\\0\\{}", 2 * z))}));
    expected.insert(expected.end(), frame.values.begin(), frame.values.end());
  }
  test::DicomBytes header = slice.header();
  test::DicomBytes shared;
  shared.sequence(0x00209116, {test::DicomBytes().text(0x00200037, "DS", "1\\0\\0\\0\\1\\0")});
  shared.sequence(0x00289110, {test::DicomBytes().text(0x00280030, "DS", "1\\1")});
  header.text(0x00280008, "IS", "3").sequence(0x52009229, {shared}).sequence(0x52009230, places);
  // The first frame in two pieces: only the table says it.
  std::vector<std::string> parted{pieces[0].substr(0, 64), pieces[0].substr(64), pieces[1], pieces[2]};
  test::DicomBytes table;
  std::size_t at = 0;
  for (std::size_t i = 0; i < parted.size(); ++i) {
    if (i != 1) table.number(at, 4);
    at += 8 + parted[i].size() + parted[i].size() % 2;
  }
  const test::TempFolder folder;
  const auto write_and_read = [&](const std::vector<std::string>& fragments, const std::string& offsets) {
    test::DicomBytes d = header;
    test::write_bytes(folder / "file",
                      test::dicom_file("1.2.840.10008.1.2.5", d.fragments(fragments, offsets).bytes()));
    return read_series(find_series(folder / "file").series.at(0)).voxels.values;
  };
  EXPECT_EQ(write_and_read(pieces, ""), expected);
  EXPECT_EQ(write_and_read(parted, table.bytes()), expected);
  EXPECT_NE(test::message_of([&] { write_and_read(parted, ""); }).find("3 frames in 4 pieces"), std::string::npos);
}

}  // namespace
}  // namespace nnunet::dicom
