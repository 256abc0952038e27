#include "nnunet/io/npy.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "nnunet/io/atomic_file.h"
#include "npy_bytes.h"
#include "reference/shared.h"

using namespace nnunet;
using namespace nnunet::test;

namespace {

template <class T>
void round_trip(const std::string& type) {
  const TempFolder folder;
  Array<T> array({2, 3, 4});
  for (std::size_t i = 0; i < 24; ++i) array.values[i] = static_cast<T>(i);
  write_npy(folder / "a.npy", array);
  const NpyFile file(folder / "a.npy");
  EXPECT_EQ(file.dtype(), type);
  EXPECT_EQ(file.shape(), array.shape);
  const auto values = file.values<T>();
  EXPECT_TRUE(std::equal(values.begin(), values.end(), array.values.begin(), array.values.end()));
  EXPECT_EQ(read_npy<T>(folder / "a.npy").values, array.values);
}

}  // namespace

TEST(Npy, RoundTripOfEachType) {
  round_trip<float>("f4");
  round_trip<double>("f8");
  round_trip<std::uint8_t>("u1");
  round_trip<std::uint16_t>("u2");
  round_trip<std::int32_t>("i4");
  round_trip<std::int64_t>("i8");
}

// The bytes that numpy.save writes.
TEST(Npy, BytesAreNumpys) {
  const TempFolder folder;
  write_npy(folder / "a.npy", Array<float>({2, 3}, 0.0F));
  const std::string file = read_text(folder / "a.npy");
  EXPECT_EQ(file.size(), 128U + 24U);
  EXPECT_EQ(file.substr(10, 118),
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" + std::string(58, ' ') + "\n");
  write_npy(folder / "b.npy", Array<std::uint8_t>({3}));
  EXPECT_EQ(read_text(folder / "b.npy").substr(10, 58), "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), } ");
}

TEST(Npy, OneAxisNoAxisAndEmpty) {
  const TempFolder folder;
  for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{5}, {}, {0, 3}}) {
    const Array<float> array(shape, 2.5F);
    write_npy(folder / "a.npy", array);
    const Array<float> back = read_npy<float>(folder / "a.npy");
    EXPECT_EQ(back.shape, shape);
    EXPECT_EQ(back.values, array.values);
  }
}

TEST(NpyWriter, PiecesInAnyOrderGiveTheSameFile) {
  const TempFolder folder;
  Array<float> array({2, 3, 4});
  for (std::size_t i = 0; i < 24; ++i) array.values[i] = i < 20 ? static_cast<float>(i) : 0;
  write_npy(folder / "whole.npy", array);
  {
    NpyWriter<float> writer(folder / "a/pieces.npy", array.shape);
    const std::span<const float> values(array.values);
    writer.write(7, values.subspan(7, 13));
    writer.write(0, values.first(7));  // what is never written is 0
    EXPECT_FALSE(std::filesystem::exists(folder / "a/pieces.npy"));
    NpyWriter<float> moved(std::move(writer));
    moved.commit();
  }
  EXPECT_EQ(read_text(folder / "a/pieces.npy"), read_text(folder / "whole.npy"));
  NpyWriter<std::uint8_t>(folder / "empty.npy", {0, 3}).commit();
  EXPECT_EQ(read_npy<std::uint8_t>(folder / "empty.npy").numel(), 0);
}

TEST(NpyWriter, LeavesNothingWithoutCommit) {
  const TempFolder folder;
  NpyWriter<float>(folder / "a.npy", {5}).write(0, std::vector<float>(5));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  write_text(folder / "file", "in the way");
  EXPECT_ERROR((NpyWriter<float>(folder / "file/a.npy", {5})), "folder cannot be made");
}

TEST(Npy, MovedFileKeepsItsValues) {
  const TempFolder folder;
  write_npy(folder / "a.npy", Array<float>({4}, 1.5F));
  write_npy(folder / "b.npy", Array<float>({2}, 2.5F));
  NpyFile a(folder / "a.npy");
  NpyFile b(folder / "b.npy");
  NpyFile moved(std::move(a));
  EXPECT_EQ(moved.values<float>()[3], 1.5F);
  moved = std::move(b);
  EXPECT_EQ(moved.values<float>()[1], 2.5F);
}

TEST(Npy, LaterFormatVersionsAreRead) {
  const TempFolder folder;
  std::string head = dict("<f4", "False", "(1,)");
  head.append(63 - (12 + head.size()) % 64, ' ').push_back('\n');
  std::string file = "\x93NUMPY\x02";
  file += {'\0', static_cast<char>(head.size()), '\0', '\0', '\0'};
  save(folder / "a.npy", file + head + std::string(4, '\0'));
  EXPECT_EQ(read_npy<float>(folder / "a.npy").values, std::vector<float>{0});
  file[6] = 4;
  save(folder / "a.npy", file + head + std::string(4, '\0'));
  EXPECT_ERROR(NpyFile(folder / "a.npy"), "format version 4");
}

TEST(Npy, BadFiles) {
  const TempFolder folder;
  const auto error = [&](const std::string& content) {
    save(folder / "a.npy", content);
    return error_of([&] { NpyFile file(folder / "a.npy"); });
  };
  const auto expect = [&](const std::string& content, const std::string& part) {
    const std::string message = error(content);
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  const std::string zeros(8, '\0');
  EXPECT_EQ(error(npy(dict("<f4", "False", "(2,)"), zeros)), "no error");
  EXPECT_ERROR(NpyFile(folder / "none.npy"), "does not exist");
  expect("", "the file is empty");
  expect("PK\x03\x04 something else", "is not a .npy file");
  expect(npy(dict("<f4", "False", "(3,)"), zeros), "the file is truncated");
  expect(npy(dict("<f4", "False", "(2,)"), zeros).substr(0, 40), "the file is truncated");
  expect(npy(dict("<f4", "False", "(1,)"), zeros), "4 bytes too many");
  expect(npy(dict("!f4", "False", "(2,)"), zeros), "the type '!f4' is not supported");
  expect(npy(dict("<f3", "False", "(2,)"), zeros), "the type '<f3' is not supported");
  expect(npy(dict(">f4", "True", "(3, 1)"), zeros), "the file is truncated");
  expect(npy(dict("|O", "False", "(2,)"), zeros), "is not supported");
  expect(npy(dict("<c8", "False", "(1,)"), zeros), "is not supported");
  expect(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", zeros), "records");
  expect(npy("{'descr': '<f4', 'fortran_order': False, }", zeros), "no 'shape'");
  expect(npy("{'fortran_order': False, 'shape': (2,), }", zeros), "no 'descr'");
  expect(npy(dict("<f4", "False", "(-2,)"), zeros), "not made of whole numbers");
  expect(npy(dict("<f4", "False", "(4294967296, 4294967296, 4)"), zeros), "absurd shape");
  expect(npy(dict("<f4", "False", "(99999999999999999999999999,)"), zeros), "absurd shape");
}

TEST(Npy, WrongTypeIsAnError) {
  const TempFolder folder;
  write_npy(folder / "a.npy", Array<float>({2}));
  EXPECT_ERROR(read_npy<double>(folder / "a.npy"), "holds values of type f4, expected f8");
}
