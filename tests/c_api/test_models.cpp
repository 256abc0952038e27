// Models through the C interface: where they come from, what they say of themselves, what happens to bad ones.
#include <nlohmann/json.hpp>

#include "models.h"

namespace nnunet::test {
namespace {

class Models : public testing::Test {
 protected:
  std::filesystem::path ours() { return save_tiny(folder_ / "tiny.ckpt", tiny_config(3)); }
  std::filesystem::path v2() { return save_tiny_v2_model(folder_.path(), {.channels = {"T1", "FLAIR"}}, {"0", "1"}); }
  /// Its files as nnU-Net v2 exports them.
  static std::string zip_of(const std::filesystem::path& model) {
    std::ostringstream bytes;
    ZipWriter zip(bytes);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(model)) {
      if (!entry.is_regular_file()) continue;
      const std::string content = read(entry.path());
      const auto root = model.parent_path().parent_path();
      zip.add(std::filesystem::relative(entry.path(), root).string(), std::as_bytes(std::span(content)));
    }
    zip.finish();
    return bytes.str();
  }

  static std::vector<std::uint8_t> labels(const Model& model, const Image& image) {
    Results found(image.geometry.shape, 3);
    const nnunet_image given = image_of(image);
    const Answer done = answer(api().segment(model.get(), &given, nullptr, &found.outputs));
    EXPECT_EQ(done.code, NNUNET_OK) << done.message;
    return found.labels.values;
  }

  static Model from_memory(const std::vector<std::string>& files, const nnunet_model_options* options = nullptr) {
    std::vector<nnunet_bytes> bytes;
    for (const std::string& file : files) bytes.push_back({file.data(), file.size()});
    nnunet_model* model = nullptr;
    const Answer done = answer(api().model_open_memory(bytes.data(), bytes.size(), options, &model));
    EXPECT_EQ(done.code, NNUNET_OK) << done.message;
    return model_of(model);
  }

  TempFolder folder_;
};

TEST_F(Models, SayWhatTheyAre) {
  const Model model = open({v2().string()});
  const nnunet_model_info info = info_of(model);
  EXPECT_EQ(info.dim, 3);
  EXPECT_EQ(info.channels, 2);
  EXPECT_EQ(info.input_channels, 2);
  EXPECT_EQ(info.classes, 3);
  EXPECT_EQ(info.labels, 3);
  EXPECT_EQ(info.label_type, NNUNET_UINT8);
  EXPECT_EQ(info.networks, 2);
  EXPECT_EQ(info.reorients, 0);
  EXPECT_EQ(info.patch[0], 8);
  EXPECT_EQ(info.patch[2], 16);
  EXPECT_EQ(info.spacing[0], 2);
  EXPECT_STREQ(api().model_channel(model.get(), 1), "FLAIR");
  EXPECT_EQ(api().model_channel(model.get(), 2), nullptr);
  std::int32_t value = -1;
  EXPECT_STREQ(api().model_label(model.get(), 2, &value), "right");
  EXPECT_EQ(value, 2);
  EXPECT_EQ(api().model_label(model.get(), 3, nullptr), nullptr);

  nnunet_text* text = nullptr;
  ASSERT_EQ(answer(api().model_json(model.get(), &text)).code, NNUNET_OK);
  const auto json = nlohmann::ordered_json::parse(text_of(text));
  EXPECT_EQ(json.at("kind"), "nnU-Net v2 model");
  EXPECT_EQ(json.at("channels").at(0).at("name"), "T1");
  EXPECT_EQ(json.at("folds"), (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(json.at("dataset_json").at("labels").at("left"), 1);
  EXPECT_EQ(json.at("plans").at("plans_name"), "nnUNetPlans");
  EXPECT_EQ(json.at("values").at(1).at("name"), "left");
}

TEST_F(Models, OfTwoDimensionsHaveOneSlice) {
  const nnunet_model_info info = info_of(open({save_tiny(folder_ / "flat.ckpt", tiny_config(2)).string()}));
  EXPECT_EQ(info.dim, 2);
  EXPECT_EQ(info.patch[0], 1);
  EXPECT_EQ(info.patch[1], 16);
  EXPECT_EQ(info.spacing[0], 0);
  EXPECT_EQ(info.spacing[2], 1);
}

// A program of an earlier version has a smaller struct.
TEST_F(Models, FillNoMoreThanTheCallersStruct) {
  const Model model = open({ours().string()});
  nnunet_model_info info;
  NNUNET_INIT(info);
  struct Larger {
    nnunet_model_info info;
    std::int64_t more = 99;
  } larger;
  NNUNET_INIT(larger.info);
  larger.info.struct_size = sizeof(Larger);
  ASSERT_EQ(answer(api().model_info(model.get(), &larger.info)).code, NNUNET_OK);
  EXPECT_EQ(larger.more, 99);
  EXPECT_EQ(larger.info.struct_size, sizeof(Larger));
  EXPECT_EQ(larger.info.classes, 3);
  info.struct_size = 0;
  EXPECT_EQ(answer(api().model_info(model.get(), &info)).code, NNUNET_INVALID_CALL);
}

TEST_F(Models, FromMemoryAreTheSame) {
  const Image image = tiny_image({13, 22, 25});
  const auto one = ours(), two = save_tiny(folder_ / "two.ckpt", tiny_config(3), 2);
  EXPECT_EQ(labels(from_memory({read(one)}), image), labels(open({one.string()}), image));
  EXPECT_EQ(labels(from_memory({read(one), read(two)}), image), labels(open({one.string(), two.string()}), image));

  const auto folder = save_tiny_v2_model(folder_.path(), {}, {"0", "1"});
  const std::string zip = zip_of(folder);
  EXPECT_EQ(labels(from_memory({zip}), image), labels(open({folder.string()}), image));
  const char* const fold = "1";
  nnunet_model_options options;
  NNUNET_INIT(options);
  options.folds = &fold;
  options.folds_count = 1;
  const auto wanted = labels(open({folder.string()}, &options), image);
  EXPECT_EQ(labels(from_memory({zip}, &options), image), wanted);
  EXPECT_NE(labels(open({folder.string()}), image), wanted);
}

TEST_F(Models, ThatAreBadAreRefused) {
  const auto refused = [](const std::vector<std::string>& paths, nnunet_code code, const std::string& part) {
    std::vector<const char*> texts;
    for (const std::string& path : paths) texts.push_back(path.c_str());
    nnunet_model* model = nullptr;
    const Answer done = answer(api().model_open(texts.data(), texts.size(), nullptr, &model));
    EXPECT_EQ(done.code, code) << done.message;
    EXPECT_NE(done.message.find(part), std::string::npos) << done.message;
    EXPECT_EQ(model, nullptr);
  };
  write(folder_ / "text.ckpt", "not a checkpoint");
  const std::string whole = read(ours());
  write(folder_ / "half.ckpt", whole.substr(0, whole.size() / 2));
  refused({(folder_ / "none.ckpt").string()}, NNUNET_BAD_MODEL, "none.ckpt");
  refused({(folder_ / "text.ckpt").string()}, NNUNET_BAD_MODEL, "text.ckpt");
  refused({(folder_ / "half.ckpt").string()}, NNUNET_BAD_MODEL, "half.ckpt");
  refused({folder_.path().string()}, NNUNET_BAD_MODEL, folder_.path().string());
  refused({ours().string(), v2().string()}, NNUNET_BAD_MODEL, "several networks");
  refused({}, NNUNET_INVALID_CALL, "paths: is NULL");

  nnunet_model* model = nullptr;
  const nnunet_bytes bytes{whole.data(), whole.size() / 2};
  EXPECT_EQ(answer(api().model_open_memory(&bytes, 1, nullptr, &model)).code, NNUNET_BAD_MODEL);
  EXPECT_EQ(answer(api().model_open(nullptr, 1, nullptr, &model)).code, NNUNET_INVALID_CALL);
  const std::string path = ours().string();
  const char* const text = path.c_str();
  EXPECT_EQ(answer(api().model_open(&text, 1, nullptr, nullptr)).code, NNUNET_INVALID_CALL);
  nnunet_model_options options{};  // struct_size is missing
  EXPECT_EQ(answer(api().model_open(&text, 1, &options, &model)).code, NNUNET_INVALID_CALL);
}

/// As Lightning saves a network: weights alone.
fs::path save_foreign(const fs::path& path, const Checkpoint& checkpoint) {
  Value::Dict weights;
  for (const auto& [name, tensor] : checkpoint.state_dict) weights.emplace_back("model." + name, tensor);
  save_torch_file(path, Value::Dict{{"state_dict", weights}});
  return path;
}

TEST_F(Models, OfTheReferenceSystemNeedItsConfig) {
  const Checkpoint checkpoint = tiny_checkpoint(tiny_config(3));
  const std::string foreign = save_foreign(folder_ / "foreign.ckpt", checkpoint).string();
  const std::string own = ours().string(), data = (folder_ / "data").string(), none = (folder_ / "none").string();
  write_config(folder_ / "data/config.json", tiny_config(3));
  const char* const path = foreign.c_str();
  nnunet_model* refused = nullptr;
  const Answer without = answer(api().model_open(&path, 1, nullptr, &refused));
  EXPECT_EQ(without.code, NNUNET_BAD_MODEL);
  EXPECT_NE(without.message.find("Give as data"), std::string::npos) << without.message;

  nnunet_model_options options;
  NNUNET_INIT(options);
  options.data = none.c_str();
  EXPECT_EQ(answer(api().model_open(&path, 1, &options, &refused)).code, NNUNET_BAD_MODEL);
  options.struct_size = 40;  // of a caller with the header of version 2: what lies beyond is not looked at
  EXPECT_EQ(answer(api().model_open(&path, 1, &options, &refused)).message, without.message);
  NNUNET_INIT(options);
  const Image image = tiny_image({13, 22, 25});
  const auto wanted = labels(open({own}), image);
  for (const std::string& place : {data, data + "/config.json"}) {
    options.data = place.c_str();
    EXPECT_EQ(labels(open({foreign}, &options), image), wanted);
    EXPECT_EQ(labels(from_memory({read(foreign)}, &options), image), wanted);
  }
}

TEST_F(Models, SayWhatAVolumeWillNeed) {
  const Model model = open({ours().string()});
  const std::int64_t small[3] = {20, 40, 40}, large[3] = {200, 400, 400};
  const double spacing[3] = {2, 1, 1};
  std::int64_t few = 0, many = 0;
  ASSERT_EQ(answer(api().model_memory(model.get(), small, spacing, nullptr, &few)).code, NNUNET_OK);
  ASSERT_EQ(answer(api().model_memory(model.get(), large, spacing, nullptr, &many)).code, NNUNET_OK);
  EXPECT_GT(few, 20 * 40 * 40 * 4);
  EXPECT_GT(many, 100 * few);
  const double none[3] = {2, 0, 1};
  EXPECT_EQ(answer(api().model_memory(model.get(), small, none, nullptr, &few)).code, NNUNET_INVALID_CALL);
}

TEST(CInterface, ReleasesNothing) {
  api().model_release(nullptr);
  api().prepared_release(nullptr);
  api().text_release(nullptr);
  api().status_release(nullptr);
  EXPECT_EQ(api().status_code(nullptr), NNUNET_OK);
  EXPECT_STREQ(api().status_message(nullptr), "");
}

}  // namespace
}  // namespace nnunet::test
