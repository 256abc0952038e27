#include <gtest/gtest.h>

#include "expect_error.h"
#include "nifti_bytes.h"
#include "nnunet/core/limits.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/config.h"
#include "nnunet/io/nifti.h"
#include "nnunet/io/npy.h"
#include "reference/shared.h"

using namespace nnunet;
using namespace nnunet::test;

namespace {

const std::string kRest = R"("spacings": [1, 1, 1], "n_class": 2, "in_channels": 1)";

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

}  // namespace

TEST(Limits, JsonIsNotNestedDeeply) {
  const TempFolder folder;
  const auto attempt = [&](const std::string& patch, const std::string& more = "") {
    write_text(folder / "config.json", R"({"patch_size": )" + patch + ", " + kRest + more + "}");
    return error_of([&] { read_config(folder / "config.json"); });
  };
  EXPECT_EQ(attempt("[8, 8, 8]"), "no error");
  EXPECT_NE(attempt(nested(200000)).find("nested deeper than 64"), std::string::npos);
  EXPECT_NE(attempt(nested(limits::json_depth)).find("nested deeper than 64"), std::string::npos);
  const std::string quoting = attempt(std::string("[").append(nested(limits::json_depth - 2)).append("]"));
  EXPECT_NE(quoting.find("not a number"), std::string::npos) << quoting;
  EXPECT_EQ(attempt("[8, 8, 8]", R"(, "task": "\"[[[\\")"), "no error");
  EXPECT_NE(attempt("[8, 8, 8]", R"(, "options": ")" + nested(100000) + "\"").find("nested too deeply"),
            std::string::npos);
}

TEST(Limits, MessagesQuoteLittle) {
  const TempFolder folder;
  write_text(folder / "config.json", R"({"patch_size": [")" + std::string(1000000, 'x') + R"("], )" + kRest + "}");
  EXPECT_LT(error_of([&] { read_config(folder / "config.json"); }).size(), 1000U);
}

TEST(Limits, PatchesAreOfThisWorld) {
  const TempFolder folder;
  write_text(folder / "config.json", R"({"patch_size": [1000000, 1000000, 1000000], )" + kRest + "}");
  EXPECT_ERROR(read_config(folder / "config.json"), "voxels");
}

TEST(Limits, NpyHeaders) {
  const TempFolder folder;
  const auto attempt = [&](const std::string& shape, std::size_t header_bytes) {
    std::string head = "{'descr': '|u1', 'fortran_order': False, 'shape': (" + shape + "), }";
    head.resize(header_bytes, ' ');
    std::string file("\x93NUMPY\x02\0", 8);
    for (int i = 0; i < 4; ++i) file += static_cast<char>(head.size() >> (8 * i) & 0xff);
    write_text(folder / "a.npy", file + head + "x");
    return error_of([&] { NpyFile(folder / "a.npy"); });
  };
  std::string axes;
  for (std::size_t i = 0; i < limits::npy_axes; ++i) axes += "1,";
  EXPECT_EQ(attempt(axes, 1000), "no error");
  EXPECT_NE(attempt(axes + "1,", 1000).find("65 axes"), std::string::npos);
  EXPECT_EQ(attempt("1,", limits::npy_header_bytes), "no error");
  EXPECT_NE(attempt("1,", limits::npy_header_bytes + 1).find("absurd"), std::string::npos);
}

TEST(Limits, ImagesThatUnpackToMoreThanTheMemory) {
  nifti_1_header header = plain_header(DT_UINT8, 8);
  const short dim[8] = {3, 2048, 2048, 2047, 1, 1, 1, 1};
  std::memcpy(header.dim, dim, sizeof dim);
  Bytes file = gzipped(nifti_bytes<std::uint8_t>(header, {}));
  file.resize(9 << 20);  // as large as a file of so many zeros would be
  const std::string message = error_of([&] { read_nifti(file, "bomb.nii.gz"); });
  // A machine with 43 GB to spare gets to know that the content is missing.
  EXPECT_TRUE(message.find("bomb.nii.gz: reading it takes 40.0 GiB of memory") == 0 ||
              message.find("its header promises") != std::string::npos)
      << message;
}
