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

TEST(Describe, AModelOfNnunetV2) {
  const auto zip = std::filesystem::path(NNUNET_FIXTURES_DIR) / "v2_checkpoints/model.zip";
  const auto json = describe(zip, true);
  EXPECT_EQ(json.at("kind"), "nnU-Net v2 model");
  EXPECT_EQ(json.at("configuration"), "2d");
  EXPECT_EQ(json.at("trainer"), "nnUNetTrainer");
  EXPECT_EQ(json.at("patch_size").dump(), "[8,12]");
  EXPECT_EQ(json.at("spacing").dump(), "[1.0,1.5]");
  EXPECT_EQ(json.at("mirror_axes").dump(), "[0,1]");
  EXPECT_EQ(json.at("channels").dump(), R"([{"channel":0,"name":"MRI","normalisation":"z-score"}])");
  EXPECT_EQ(json.at("labels")[2].dump(), R"({"label":"2","name":"right"})");
  EXPECT_EQ(json.at("folds")[1].dump(), R"({"fold":"1","checkpoints":"checkpoint_final.pth"})");
  EXPECT_EQ(json.at("licence"), "Made up, free for all.\n");
  const auto& network = json.at("network");
  // Convolutions 1 -> 2, 2 -> 4, 4 -> 2 up, 4 -> 2, 2 -> 3, and three norms.
  EXPECT_EQ(network.at("parameters"),
            (9 * 2 + 2) + (9 * 2 * 4 + 4) + (4 * 4 * 2 + 2) + (9 * 4 * 2 + 2) + (2 * 3 + 3) + 2 * (2 + 4 + 2));
  // Most is held by the skip connection, the way up and what is made of both: 2 channels each on 8 x 12 voxels.
  EXPECT_DOUBLE_EQ(network.at("activations_mib"), 3 * 2 * 8 * 12 * 4.0 / (1024 * 1024));
  EXPECT_GT(network.at("flops_per_patch"), 0);
  EXPECT_GT(network.at("seconds_per_window"), 0);
  EXPECT_EQ(network.at("tensor_list")[0].at("name"), "encoder.stages.0.0.convs.0.conv.weight");
  const std::string text = description_text(json);
  EXPECT_NE(text.find("licence: Made up, free for all."), std::string::npos) << text;
  EXPECT_EQ(describe(zip.parent_path() / "checkpoint_old.pth", false).at("folds")[0].at("fold"), "0");
}

TEST(Describe, RegionsOfNnunetV2) {
  NNUNET_NEEDS_SHARED("reference-v2/run/models");
  const auto json = describe(test::shared_dir() / "reference-v2/run/models/Dataset996_HippocampusRegionsIgnore" /
                                 "nnUNetTrainer_1epoch__nnUNetPlansNarrow__3d_fullres",
                             false);
  EXPECT_EQ(json.at("regions"), true);
  EXPECT_EQ(json.at("labels")[1].dump(), R"({"label":"1 2","name":"hippocampus","leaves":"2"})");
  EXPECT_EQ(json.at("labels")[3].at("name"), "ignore (not annotated)");
  EXPECT_FALSE(json.contains("licence"));
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
