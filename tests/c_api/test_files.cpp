// Files through the C interface: what the program makes of the same files.
#include <map>

#include "models.h"
#include "nnunet/io/image_file.h"
#include "nnunet/v2/npz.h"

namespace nnunet::test {
namespace {

namespace fs = std::filesystem;

struct Told {
  std::map<std::string, std::string> images;  ///< name to failure
  static void tell(void* user, std::int64_t, const char* name, const char* failure) {
    static_cast<Told*>(user)->images[name] = failure == nullptr ? "" : failure;
  }
};

class Files : public WithModel {
 protected:
  void SetUp() override {
    WithModel::SetUp();
    fs::create_directory(in_);
    put("a", tiny_image({13, 22, 25}));
    put("b", tiny_image({9, 30, 21}, 1, {2.5, 1, 1}));
    NNUNET_INIT(counts_);
  }
  std::string file(const std::string& name) const {
    return (in_ / (GetParam().v2 ? name + "_0000.nii.gz" : name + ".nii.gz")).string();
  }
  void put(const std::string& name, const Image& image) const { write_image(file(name), image); }
  std::vector<std::uint8_t> program(const std::string& name) {
    const fs::path out = folder_ / "program";
    const Outcome done =
        nnunet_run(fmt::format("predict --gpus 0 {} '{}' --input '{}' --output '{}/'",
                               GetParam().v2 ? "--model" : "--ckpt_path", path_.string(), file(name), out.string()));
    EXPECT_EQ(done.code, 0) << done.text;
    return read_label_map(out / (name + ".nii.gz")).voxels.values;
  }

  fs::path in_ = folder_ / "files", out_ = folder_ / "results";
  nnunet_counts counts_;
};

TEST_P(Files, GetTheLabelMapsOfTheProgram) {
  fs::create_directory(out_);
  write(in_ / "broken.nii.gz", "no image");
  const std::vector<std::string> images{file("a"), file("b"), (in_ / "broken.nii.gz").string()};
  const std::vector<std::string> outputs{(out_ / "a.nii.gz").string(), (out_ / "b.nii.gz").string(),
                                         (out_ / "c.nii.gz").string()};
  const std::string npy = (out_ / "a.npy").string(), npz = (out_ / "b.npz").string();
  std::vector<const char*> channels;
  for (const std::string& image : images) channels.push_back(image.c_str());
  std::vector<nnunet_image_files> files(3);
  for (std::size_t i = 0; i < 3; ++i) {
    NNUNET_INIT(files[i]);
    files[i].channels = &channels[i];
    files[i].channels_count = 1;
    files[i].labels = outputs[i].c_str();
  }
  files[0].probabilities = npy.c_str();
  files[1].probabilities = npz.c_str();
  const Model model = opened();
  Told told;
  ASSERT_EQ(answer(api().set_log(nullptr, nullptr)).code, NNUNET_OK);
  const Answer done = answer(api().segment_files(model.get(), files.data(), 3, nullptr, Told::tell, &told, &counts_));
  ASSERT_EQ(done.code, NNUNET_OK) << done.message;
  EXPECT_EQ(counts_.segmented, 2);
  EXPECT_EQ(counts_.failed, 1);
  ASSERT_EQ(told.images.size(), 3U);
  EXPECT_EQ(told.images.at("a"), "");
  EXPECT_NE(told.images.at("c").find("broken.nii.gz"), std::string::npos) << told.images.at("c");

  const Image image = read_nifti(images[0]);
  Results array(image.geometry.shape, 3);
  const nnunet_image given = image_of(image);
  ASSERT_EQ(answer(api().segment(model.get(), &given, nullptr, &array.outputs)).code, NNUNET_OK);
  EXPECT_EQ(read_npy<float>(npy).values, array.probabilities.values);
  EXPECT_EQ(read_label_map(outputs[0]).voxels.values, array.labels.values);
  EXPECT_EQ(affine_difference(read_label_map(outputs[0]).geometry, image.geometry), 0);
  v2::NpzReader packed(npz);
  EXPECT_EQ(packed.shape(), (std::vector<std::int64_t>{3, 9, 30, 21}));
  EXPECT_TRUE(fs::exists(out_ / "b.pkl"));
  EXPECT_FALSE(fs::exists(out_ / "a.pkl"));
}

TEST_P(Files, OfAFolderBecomeAFolder) {
  const Model model = opened();
  Told told;
  const auto segment = [&](const nnunet_folder_options* options, const nnunet_run_options* run) {
    return answer(
        api().segment_folder(model.get(), in_.c_str(), out_.c_str(), options, run, Told::tell, &told, &counts_));
  };
  nnunet_folder_options options;
  NNUNET_INIT(options);
  options.parts = 2;
  options.part = 1;
  ASSERT_EQ(segment(&options, nullptr).message, "");
  EXPECT_EQ(counts_.segmented, 1);
  EXPECT_FALSE(fs::exists(out_ / "a.nii.gz"));
  options.parts = options.part = 0;
  options.keep_existing = 1;
  ASSERT_EQ(segment(&options, nullptr).message, "");
  EXPECT_EQ(counts_.segmented, 1);
  EXPECT_EQ(counts_.kept, 1);
  EXPECT_EQ(told.images.size(), 2U);
  for (const std::string name : {"a", "b"})
    EXPECT_EQ(read_label_map(out_ / (name + ".nii.gz")).voxels.values, program(name)) << name;
  EXPECT_EQ(fs::exists(out_ / "plans.json"), GetParam().v2);

  nnunet_run_options run;
  NNUNET_INIT(run);
  run.progress = [](void*, const nnunet_progress* progress) { return progress->image == 1 ? 1 : 0; };
  fs::remove_all(out_);
  const Answer stopped = segment(nullptr, &run);
  EXPECT_EQ(stopped.code, NNUNET_CANCELLED) << stopped.message;
  EXPECT_TRUE(fs::exists(out_ / "a.nii.gz"));
  EXPECT_FALSE(fs::exists(out_ / "b.nii.gz"));
}

TEST_P(Files, OfCheckpointsHaveTheRecordsOfTheProgram) {
  const bool ours = !GetParam().v2;
  const Model model = opened();
  nnunet_folder_options options;
  NNUNET_INIT(options);
  nnunet_run_options run;
  NNUNET_INIT(run);
  const auto segment = [&] {
    return answer(
        api().segment_folder(model.get(), in_.c_str(), out_.c_str(), &options, &run, nullptr, nullptr, &counts_));
  };
  ASSERT_EQ(answer(api().set_log(nullptr, nullptr)).code, NNUNET_OK);
  options.save_probabilities = 1;
  ASSERT_EQ(segment().message, "");
  EXPECT_EQ(fs::exists(out_ / ".nnunet/a.json"), ours);
  if (!ours) return;
  options.save_probabilities = 0;
  const Outcome again = nnunet_run(fmt::format("predict --gpus 0 --ckpt_path '{}' --input '{}' --output '{}/'",
                                               path_.string(), in_.string(), out_.string()));
  ASSERT_EQ(again.code, 0) << again.text;
  EXPECT_NE(again.text.find("0 images segmented, 2 kept"), std::string::npos) << again.text;

  options.keep_existing = 1;
  ASSERT_EQ(segment().message, "");
  EXPECT_EQ(counts_.kept, 2);
  put("b", tiny_image({9, 30, 20}, 1, {2.5, 1, 1}));
  ASSERT_EQ(segment().message, "");
  EXPECT_EQ(counts_.kept, 1);
  EXPECT_EQ(counts_.segmented, 1);
  EXPECT_EQ(read_label_map(out_ / "b.nii.gz").voxels.values, program("b"));
  EXPECT_FALSE(fs::exists(out_ / "b.npz"));  // of the former image
  EXPECT_TRUE(fs::exists(out_ / "a.npz"));
  run.tile_step = 0.75;
  ASSERT_EQ(segment().message, "");
  EXPECT_EQ(counts_.segmented, 2);

  fs::remove_all(out_ / ".nnunet");
  const Answer unknown = segment();
  EXPECT_EQ(unknown.code, NNUNET_FAILED);
  EXPECT_NE(unknown.message.find("without a record"), std::string::npos) << unknown.message;
  options.keep_existing = 0;
  EXPECT_EQ(segment().message, "");
}

/// What replaces a label map without leaving a record must not be taken for what the old record says.
TEST_P(Files, LoseTheRecordsOfThoseBefore) {
  const Outcome first =
      nnunet_run(fmt::format("predict --gpus 0 {} '{}' --input '{}' --output '{}/'",
                             GetParam().v2 ? "--model" : "--ckpt_path", path_.string(), file("a"), out_.string()));
  ASSERT_EQ(first.code, 0) << first.text;
  ASSERT_TRUE(fs::exists(out_ / ".nnunet/a.json"));
  const std::string image = file("a"), label = (out_ / "a.nii.gz").string();
  const char* const channel = image.c_str();
  nnunet_image_files files;
  NNUNET_INIT(files);
  files.channels = &channel;
  files.channels_count = 1;
  files.labels = label.c_str();
  const Model model = opened();
  ASSERT_EQ(answer(api().segment_files(model.get(), &files, 1, nullptr, nullptr, nullptr, nullptr)).message, "");
  EXPECT_TRUE(fs::exists(label));
  EXPECT_FALSE(fs::exists(out_ / ".nnunet/a.json"));
}

TEST_P(Files, InputsAreNeverReplaced) {
  const Model model = opened();
  const std::string image = file("a");
  const char* const channel = image.c_str();
  nnunet_image_files files;
  NNUNET_INIT(files);
  files.channels = &channel;
  files.channels_count = 1;
  const auto refused = [&](nnunet_code code, const std::string& part) {
    const Answer done = answer(api().segment_files(model.get(), &files, 1, nullptr, nullptr, nullptr, nullptr));
    EXPECT_EQ(done.code, code) << done.message;
    EXPECT_NE(done.message.find(part), std::string::npos) << done.message;
  };
  files.labels = image.c_str();
  refused(NNUNET_FAILED, "would be overwritten");
  files.labels = "labels.png";
  refused(NNUNET_INVALID_CALL, "does not end in .nii.gz");
  files.labels = nullptr;
  refused(NNUNET_INVALID_CALL, "labels: is NULL");
  const std::string both = (folder_ / "both.nii.gz").string();
  files.labels = both.c_str();
  const nnunet_image_files twice[] = {files, files};
  const Answer done = answer(api().segment_files(model.get(), twice, 2, nullptr, nullptr, nullptr, nullptr));
  EXPECT_EQ(done.code, NNUNET_INVALID_CALL);
  EXPECT_NE(done.message.find("both.nii.gz is named for two images"), std::string::npos) << done.message;
  EXPECT_FALSE(fs::exists(both));
  const std::string in = in_.string();
  EXPECT_EQ(
      answer(api().segment_folder(model.get(), in.c_str(), in.c_str(), nullptr, nullptr, nullptr, nullptr, nullptr))
          .code,
      NNUNET_FAILED);
}

/// What a refusal asks for can be done by a caller (answer looks for the program's options).
TEST_P(Files, AreRefusedInTheCallersTerms) {
  const Model model = opened();
  nnunet_folder_options options;
  NNUNET_INIT(options);
  nnunet_run_options run;
  NNUNET_INIT(run);
  const auto refused = [&](const fs::path& input, const fs::path& output, const std::string& part) {
    const Answer done = answer(
        api().segment_folder(model.get(), input.c_str(), output.c_str(), &options, &run, nullptr, nullptr, nullptr));
    EXPECT_EQ(done.code, NNUNET_FAILED);
    EXPECT_NE(done.message.find(part), std::string::npos) << done.message;
  };
  fs::create_directory(folder_ / "empty");
  refused(folder_ / "none", out_, "is no folder");
  refused(folder_ / "empty", out_, "holds no image");
  refused(in_, in_ / "results", "lies inside the input folder");
  refused(in_, folder_ / "labels.nii.gz", "cannot become one file");
  refused(in_, folder_ / "labels.png", "the name ends in .png");
  options.parts = 2;
  options.part = 2;
  refused(in_, out_, "2 of 2 parts cannot be");
  options.parts = options.part = 0;
  options.previous = out_.c_str();
  refused(in_, out_, "is no folder");
}

INSTANTIATE_TEST_SUITE_P(CInterface, Files, testing::Values(kOurs, kV2), kind_name);

}  // namespace
}  // namespace nnunet::test
