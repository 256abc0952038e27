#include "nnunet/infer/describe.h"

#include <gtest/gtest.h>

#include <fstream>

#include "nnunet/core/error.h"
#include "reference/shared.h"
#include "tiny.h"

namespace nnunet {
namespace {

TEST(Describe, ACheckpoint) {
  const test::TempFolder folder;
  const DataConfig config = test::tiny_config(3, 2);
  const auto path = test::save_tiny(folder / "a.ckpt", config);
  const auto json = describe(path, true);
  EXPECT_EQ(json.at("kind"), "checkpoint");
  const auto& network = json.at("network");
  const StateDict state = test::tiny_checkpoint(config).state_dict;
  EXPECT_EQ(network.at("tensors"), state.size());
  EXPECT_EQ(network.at("tensor_list").at(0).at("name"), state[0].first);
  EXPECT_EQ(network.at("tensor_list").at(0).at("type"), "float32");
  EXPECT_FALSE(describe(path, false).at("network").contains("tensor_list"));
  EXPECT_NE(description_text(json).find("kind: checkpoint\n"), std::string::npos);
}

TEST(Describe, AnImageAndAnArray) {
  const test::TempFolder folder;
  write_image(folder / "a.nii.gz", test::tiny_image({5, 6, 7}, 1, {3, 2, 1}));
  write_npy(folder / "b.npy", Array<float>({2, 3}, 1.5F));
  EXPECT_NE(describe(folder / "a.nii.gz", false).dump().find("[5,6,7]"), std::string::npos);
  EXPECT_NE(describe(folder / "b.npy", false).dump().find("[2,3]"), std::string::npos);
}

TEST(Describe, RefusesWhatItDoesNotKnow) {
  const test::TempFolder folder;
  std::ofstream(folder / "text.txt") << "nothing";
  EXPECT_THROW(describe(folder / "text.txt", false), Error);
  EXPECT_THROW(describe(folder / "absent", false), Error);
  EXPECT_THROW(describe(folder.path(), false), Error);
}

}  // namespace
}  // namespace nnunet
