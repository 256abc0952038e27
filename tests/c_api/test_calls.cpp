// What a caller hears through the C interface: refusals, progress, the log; and that it can stop the work.
#include <algorithm>
#include <cmath>
#include <limits>

#include "models.h"

namespace nnunet::test {
namespace {

class Calls : public WithModel {
 protected:
  void SetUp() override {
    WithModel::SetUp();
    model_ = opened();
    given_ = image_of(image_);
  }
  void expect_refused(nnunet_code code, const std::string& part) {
    const Answer done = answer(api().segment(model_.get(), &given_, &run_.options, &found_.outputs));
    EXPECT_EQ(done.code, code) << done.message;
    EXPECT_NE(done.message.find(part), std::string::npos) << done.message;
    EXPECT_TRUE(std::ranges::all_of(found_.labels.values, [](int v) { return v == 77; }));
  }

  struct Run {
    nnunet_run_options options;
    Run() { NNUNET_INIT(options); }
  };

  Image image_ = tiny_image({13, 22, 25});
  Model model_ = model_of(nullptr);
  Results found_{{13, 22, 25}, 3};
  nnunet_image given_;
  Run run_;
};

TEST_P(Calls, ImagesThatCannotBeSegmentedAreRefused) {
  image_.voxels.values[70] = std::numeric_limits<float>::quiet_NaN();
  given_.name = "liver_7";
  expect_refused(NNUNET_FAILED, "liver_7: the image holds NaN");
  image_.voxels.values[70] = 1;
  given_.name = nullptr;
  const Image two = tiny_image({13, 22, 25}, 2);
  given_.voxels = array_of(two.voxels);
  expect_refused(NNUNET_FAILED, "image: the image has 2 channels, expected 1");
}

TEST_P(Calls, ArgumentsThatCannotBeAreFaultsOfTheCaller) {
  const nnunet_image good = given_;
  const auto with = [&](const std::string& part, const std::function<void(nnunet_image&)>& change) {
    given_ = good;
    change(given_);
    expect_refused(NNUNET_INVALID_CALL, part);
    given_ = good;
  };
  with("struct_size", [](auto& image) { image.struct_size = 0; });
  with("voxels: is NULL", [](auto& image) { image.voxels.data = nullptr; });
  with("no type 99", [](auto& image) { image.voxels.type = 99; });
  with("2 axes", [](auto& image) { image.voxels.ndim = 2; });
  with("shape 1x13x0x25", [](auto& image) { image.voxels.shape[2] = 0; });
  with("more than", [](auto& image) { std::ranges::fill(image.voxels.shape, std::int64_t{1} << 40); });
  with("not aligned", [](auto& image) { image.voxels.data = static_cast<char*>(image.voxels.data) + 1; });
  const auto strides = [](nnunet_array& array, std::int64_t y, std::int64_t x) {
    array.strides[array.ndim - 3] = 22 * 25 * 4;
    array.strides[array.ndim - 2] = y;
    array.strides[array.ndim - 1] = x;
  };
  with("voxels: has the stride", [&](auto& image) { strides(image.voxels, 25 * 4, INT64_MAX - 3); });
  with("voxels: has the stride", [&](auto& image) { strides(image.voxels, INT64_MIN, 4); });
  with("spacing: is", [](auto& image) { image.spacing[1] = 0; });
  with("spacing: is", [](auto& image) { image.spacing[1] = std::nan(""); });

  const auto outputs = [&](const std::string& part, const std::function<void(nnunet_outputs&)>& change) {
    const nnunet_outputs before = found_.outputs;
    change(found_.outputs);
    expect_refused(NNUNET_INVALID_CALL, part);
    found_.outputs = before;
  };
  outputs("labels: has the shape 1x12x22x25, not 1x13x22x25", [](auto& o) { o.labels.shape[0] = 12; });
  outputs("labels: have to be of", [](auto& o) { o.labels.type = NNUNET_INT8; });
  outputs("probabilities: has the shape", [](auto& o) { o.probabilities.shape[0] = 4; });
  outputs("stride 0", [](auto& o) { o.probabilities.strides[3] = 4; });
  outputs("labels: its strides put several numbers at one place", [&](auto& o) { strides(o.labels, 4, 4); });
  outputs("there is no array", [](auto& o) { o.labels.data = o.probabilities.data = nullptr; });

  const auto run = [&](const std::string& part, const std::function<void(nnunet_run_options&)>& change) {
    const nnunet_run_options before = run_.options;
    change(run_.options);
    expect_refused(NNUNET_INVALID_CALL, part);
    run_.options = before;
  };
  run("tile_step", [](auto& o) { o.tile_step = 1.5; });
  run("mirroring", [](auto& o) { o.mirroring = 3; });
  run("batch_size", [](auto& o) { o.batch_size = -1; });
  run("threads", [](auto& o) { o.threads = -1; });
  run("threads: 1025 is not in [0, 1024]", [](auto& o) { o.threads = 1025; });
  EXPECT_EQ(answer(api().segment(nullptr, &given_, nullptr, &found_.outputs)).code, NNUNET_INVALID_CALL);
  EXPECT_EQ(answer(api().segment(model_.get(), nullptr, nullptr, &found_.outputs)).code, NNUNET_INVALID_CALL);
  EXPECT_EQ(answer(api().segment(model_.get(), &given_, nullptr, nullptr)).code, NNUNET_INVALID_CALL);
}

TEST_P(Calls, JsonThatCannotBeIsAFaultOfTheCaller) {
  const auto refused = [&](const char* json, const std::string& part) {
    nnunet_prepared* prepared = nullptr;
    const Answer done = answer(api().prepared_from_json(model_.get(), json, &prepared));
    EXPECT_EQ(done.code, NNUNET_INVALID_CALL) << json;
    EXPECT_NE(done.message.find(part), std::string::npos) << done.message;
    EXPECT_EQ(prepared, nullptr);
  };
  refused("{", "json");
  refused("{\"spacing\": [1, 1]}", "json");
  refused("{\"spacing\": [1, 1, 1]}", "json: key 'shape_before_cropping' not found; give what prepared_json made");
  refused(
      "{\"spacing\": [1, 1, 1], \"shape_before_cropping\": [4, 4, 4], \"bbox_used_for_cropping\": [[0, 5], [0, 4], [0, "
      "4]]}",
      "bbox_used_for_cropping");
}

struct Heard {
  std::vector<std::pair<std::int64_t, std::int64_t>> steps;
  std::string name;
  std::size_t stop_after = std::numeric_limits<std::size_t>::max();

  static int hear(void* user, const nnunet_progress* progress) {
    auto& heard = *static_cast<Heard*>(user);
    heard.steps.emplace_back(progress->done, progress->total);
    heard.name = progress->name;
    return heard.steps.size() >= heard.stop_after ? 1 : 0;
  }
};

TEST_P(Calls, TellHowFarTheyAreAndStopWhenAsked) {
  Heard heard;
  run_.options.progress = Heard::hear;
  run_.options.progress_user = &heard;
  given_.name = "liver_7";
  Results wanted({13, 22, 25}, 3);
  ASSERT_EQ(answer(api().segment(model_.get(), &given_, &run_.options, &wanted.outputs)).code, NNUNET_OK);
  ASSERT_GT(heard.steps.size(), 4U);
  EXPECT_EQ(heard.name, "liver_7");
  EXPECT_EQ(heard.steps.front(), std::pair(std::int64_t{0}, std::int64_t{0}));
  const std::int64_t total = heard.steps.back().second;
  EXPECT_EQ(heard.steps.back(), std::pair(total, total));
  EXPECT_TRUE(std::ranges::is_sorted(heard.steps));

  const std::size_t all = heard.steps.size();
  for (const std::size_t stop : {std::size_t{1}, std::size_t{2}, all / 2, all}) {
    heard = {};
    heard.stop_after = stop;
    expect_refused(NNUNET_CANCELLED, "cancelled");
    EXPECT_EQ(heard.steps.size(), stop);
  }
  heard = {};  // the model goes on
  ASSERT_EQ(answer(api().segment(model_.get(), &given_, &run_.options, &found_.outputs)).code, NNUNET_OK);
  EXPECT_EQ(found_.labels.values, wanted.labels.values);
}

struct Said {
  std::vector<std::pair<nnunet_level, std::string>> lines;
  static void say(void* user, nnunet_level level, const char* message) {
    static_cast<Said*>(user)->lines.emplace_back(level, message);
  }
};

TEST_P(Calls, TheLogGoesWhereTheCallerWants) {
  Said said;
  ASSERT_EQ(answer(api().set_log(Said::say, &said)).code, NNUNET_OK);
  const std::string none = (folder_ / "none.nii.gz").string(), out = (folder_ / "labels.nii.gz").string();
  const char* const channel = none.c_str();
  nnunet_image_files files;
  NNUNET_INIT(files);
  files.channels = &channel;
  files.channels_count = 1;
  files.labels = out.c_str();
  const auto segment = [&] {
    EXPECT_EQ(answer(api().segment_files(model_.get(), &files, 1, nullptr, nullptr, nullptr, nullptr)).code, NNUNET_OK);
  };
  testing::internal::CaptureStderr();
  segment();
  ASSERT_EQ(said.lines.size(), 1U);
  EXPECT_EQ(said.lines[0].first, NNUNET_ERROR);
  EXPECT_NE(said.lines[0].second.find("none.nii.gz"), std::string::npos) << said.lines[0].second;
  ASSERT_EQ(answer(api().set_log(nullptr, nullptr)).code, NNUNET_OK);
  segment();
  EXPECT_EQ(said.lines.size(), 1U);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

INSTANTIATE_TEST_SUITE_P(CInterface, Calls, testing::Values(kOurs, kV2), kind_name);

}  // namespace
}  // namespace nnunet::test
