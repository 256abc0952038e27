#include <gtest/gtest.h>

#include "reference/npz.h"
#include "reference/numbers.h"

using namespace nnunet;
using namespace nnunet::test;

TEST(Npz, ReadsAPreprocessedCase) {
  NNUNET_NEEDS_SHARED("reference/preprocessed/04_3d");
  for (const auto& entry : std::filesystem::directory_iterator(shared_dir() / "reference/preprocessed/04_3d")) {
    if (entry.path().extension() != ".npz") continue;
    const Npz npz(entry.path());
    ASSERT_TRUE(npz.has("x_shape") && npz.has("y"));
    EXPECT_FALSE(npz.has("z"));
    const auto shape = npz.load<std::int64_t>("x_shape");
    ASSERT_EQ(shape.shape, std::vector<std::int64_t>{4});
    const auto y = npz.load<std::uint8_t>("y");
    EXPECT_EQ(y.spatial(), (Shape3{shape.values[1], shape.values[2], shape.values[3]}));
    EXPECT_NEAR(npz.scalar<double>("x_std"), 1, 0.5);
    EXPECT_THROW(npz.load<float>("z"), std::runtime_error);
  }
}

TEST(Npz, ReadsEveryArrayOfTheOtherFiles) {
  for (const char* name : {"augmentation.npz", "sliding_window.npz"}) {
    const Npz npz(reference_file(std::string("reference/") + name));
    EXPECT_FALSE(npz.names().empty());
    for (const std::string& array : npz.names()) {
      if (array == "network") continue;  // text
      EXPECT_FALSE(npz.load<float>(array).values.empty()) << array;
    }
  }
}
