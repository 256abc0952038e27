#include "nnunet/io/dataset.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "reference/shared.h"

using namespace nnunet;
using namespace nnunet::test;
namespace fs = std::filesystem;

namespace {

constexpr const char* kModality = R"("modality": {"0": "MRI"})";
constexpr const char* kLabels = R"("labels": {"0": "background", "1": "organ"})";
constexpr const char* kTraining = R"("training": [{"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"},
                                                  {"image": "imagesTr/b.nii", "label": "labelsTr/b.nii"}])";

/// A dataset folder with this dataset.json; its files need not exist.
class MadeDataset {
 public:
  explicit MadeDataset(const std::string& json) {
    fs::create_directories(path() / "imagesTr");
    fs::create_directories(path() / "labelsTr");
    save(path() / "dataset.json", json);
  }
  explicit MadeDataset(std::initializer_list<std::string> parts) : MadeDataset(joined(parts)) {}
  fs::path path() const { return folder_ / "Task99_Test"; }
  fs::path outside() const { return folder_ / "outside"; }
  Dataset read() const { return read_dataset(path()); }
  std::string error() const {
    return error_of([&] { (void)read(); });
  }

 private:
  static std::string joined(std::initializer_list<std::string> parts) {
    std::string text;
    for (const std::string& part : parts) text += (text.empty() ? "{" : ", ") + part;
    return text + "}";
  }
  TempFolder folder_;
};

void expect_part(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

std::string training_image(const std::string& path) {
  return R"("training": [{"image": ")" + path + R"(", "label": "labelsTr/a.nii.gz"}])";
}

}  // namespace

TEST(Dataset, ReadsTrainingAndTest) {
  const MadeDataset made{R"("name": "Made")", kModality, kLabels, kTraining,
                         R"("test": ["./imagesTs/c.nii.gz", {"image": "imagesTs/d.nii.gz"}])"};
  const Dataset dataset = made.read();
  EXPECT_EQ(dataset.name, "Made");
  EXPECT_EQ(dataset.in_channels(), 1);
  EXPECT_EQ(dataset.n_class(), 2);
  EXPECT_FALSE(dataset.is_ct());
  EXPECT_EQ(dataset.labels, (std::vector<std::string>{"background", "organ"}));
  ASSERT_EQ(dataset.training.size(), 2U);
  EXPECT_EQ(dataset.training[0].name, "a");
  EXPECT_EQ(dataset.training[0].image, fs::canonical(made.path()) / "imagesTr/a.nii.gz");
  EXPECT_EQ(dataset.training[1].label, fs::canonical(made.path()) / "labelsTr/b.nii");
  ASSERT_EQ(dataset.test.size(), 2U);
  EXPECT_EQ(dataset.test[0].image, fs::canonical(made.path()) / "imagesTs/c.nii.gz");
  EXPECT_EQ(dataset.test[1].name, "d");
  EXPECT_FALSE(dataset.test[0].label.has_value());
}

TEST(Dataset, TrainingOrTestMayBeAbsent) {
  EXPECT_EQ(MadeDataset({kModality, kLabels, kTraining}).read().test.size(), 0U);
  EXPECT_EQ(MadeDataset({kModality, kLabels, R"("test": ["a.nii"])"}).read().training.size(), 0U);
  expect_part(MadeDataset({kModality, kLabels}).error(), "neither \"training\" nor \"test\"");
  expect_part(MadeDataset({kModality, kLabels, R"("training": [])", R"("test": [])"}).error(), "lists no cases");
}

TEST(Dataset, WithoutANameTheFoldersCounts) {
  EXPECT_EQ(MadeDataset({kModality, kLabels, kTraining}).read().name, "Task99_Test");
}

TEST(Dataset, NumTrainingIsNotTrusted) {
  EXPECT_EQ(MadeDataset({kModality, kLabels, kTraining, R"("numTraining": 77)"}).read().training.size(), 2U);
}

TEST(Dataset, KeysOfNnunetV2) {
  const Dataset dataset = MadeDataset({R"("channel_names": {"1": "T2", "0": "CT"})",
                                       R"("labels": {"background": 0, "tumour": 2, "organ": 1})", kTraining})
                              .read();
  EXPECT_EQ(dataset.modality, (std::vector<std::string>{"CT", "T2"}));
  EXPECT_TRUE(dataset.is_ct());
  EXPECT_EQ(dataset.labels, (std::vector<std::string>{"background", "organ", "tumour"}));
  expect_part(MadeDataset({kModality, R"("labels": {"background": 0, "whole": [1, 2]})", kTraining}).error(), "region");
  expect_part(MadeDataset({kModality, R"("labels": {"background": 0, "ignore": 1})", kTraining}).error(), "ignore");
  expect_part(MadeDataset({kModality, R"("labels": {"background": 0, "a": 0})", kTraining}).error(), "used twice");
}

TEST(Dataset, MoreThanTenLabelsInNumericOrder) {
  std::string labels = R"("labels": {)";
  for (int i = 0; i < 12; ++i) {
    labels += (i == 0 ? "\"" : ", \"") + std::to_string(i) + "\": \"c" + std::to_string(i) + "\"";
  }
  EXPECT_EQ(MadeDataset({kModality, labels + "}", kTraining}).read().labels[10], "c10");
}

TEST(Dataset, MissingOrBrokenFile) {
  const TempFolder folder;
  EXPECT_ERROR(read_dataset(folder / "none"), "the dataset's folder does not exist");
  EXPECT_ERROR(read_dataset(folder.path()), "dataset.json: the file does not exist");
  expect_part(MadeDataset("").error(), "the file is empty");
  expect_part(MadeDataset("{\"modality\": ").error(), "is not valid JSON");
  expect_part(MadeDataset("{\"modality\": 1e999}").error(), "number that is too large");
  expect_part(MadeDataset("{\n\"modality\": {\"0\": \"CT\",},\n}").error(), "line 2, column 24: } after a comma");
  expect_part(MadeDataset("[1]").error(), "is not a JSON object");
  expect_part(MadeDataset(std::string(100000, '[')).error(), "nested deeper than");
}

TEST(Dataset, ModalityAndLabels) {
  expect_part(MadeDataset({kLabels, kTraining}).error(), "has no \"modality\"");
  expect_part(MadeDataset({kModality, kTraining}).error(), "has no \"labels\"");
  expect_part(MadeDataset({R"("modality": "MRI")", kLabels, kTraining}).error(), "\"modality\" is not a JSON object");
  expect_part(MadeDataset({R"("modality": {})", kLabels, kTraining}).error(), "\"modality\" is not a JSON object");
  expect_part(MadeDataset({R"("modality": {"1": "CT"})", kLabels, kTraining}).error(), "not numbered from 0 to 0");
  expect_part(MadeDataset({R"("modality": {"0": 3})", kLabels, kTraining}).error(), "not text");
  const auto labels_error = [](const char* labels) {
    return MadeDataset({kModality, std::string("\"labels\": ") + labels, kTraining}).error();
  };
  expect_part(labels_error(R"({"0": "background", "2": "organ"})"), "\"labels\" is not numbered from 0 to 1 (\"2\")");
  expect_part(labels_error(R"({"1": "a", "2": "b"})"), "not numbered");
  expect_part(labels_error(R"({"0": "a", "x": "b"})"), "not numbered");
  expect_part(labels_error(R"({"0": "a", "-1": "b"})"), "not numbered");
  expect_part(labels_error(R"({"0": "a", "00": "b"})"), "not numbered");
  expect_part(labels_error(R"({"a": 0, "b": 2})"), "not numbered");
  expect_part(labels_error(R"({"a": 0, "b": 1.5})"), "no whole number");
  expect_part(labels_error(R"({"0": "background"})"), "background only");
  expect_part(labels_error(R"(["background", "organ"])"), "not a JSON object");
}

TEST(Dataset, Entries) {
  const auto error = [](const char* list) { return MadeDataset({kModality, kLabels, list}).error(); };
  expect_part(error(R"("training": {"image": "a.nii"})"), "\"training\" is not a list");
  expect_part(error(R"("training": ["a.nii"])"), "training[0] is not an entry with \"image\" and \"label\"");
  expect_part(error(R"("training": [{"image": "a.nii"}])"), "training[0] has no \"label\"");
  expect_part(error(R"("training": [{"label": "a.nii"}])"), "training[0] has no \"image\"");
  expect_part(error(R"("training": [{"image": 3, "label": "a.nii"}])"), "path that is not text");
  expect_part(error(R"("test": [3])"), "test[0] is not an entry with \"image\"");
  expect_part(error(R"("test": [""])"), "path that is not text");
  expect_part(error(R"("test": ["imagesTs/"])"), "image without a name");
  expect_part(error(R"("test": ["./"])"), "image without a name");
  expect_part(error(R"("test": ["x/.nii.gz"])"), "image without a name");
  expect_part(error(R"("test": ["x/a.nii.gz", "y/a.nii"])"), "\"test\" has the case a twice: a.nii.gz and a.nii");
  expect_part(error(R"("test": ["a.nii.gz", "a.NII.GZ"])"), "twice: a.nii.gz and a.NII.GZ");
}

TEST(Dataset, OnesOwnDataMayLieAnywhere) {
  const MadeDataset made{kModality, kLabels, training_image("../outside/x.nii.gz"), R"("test": ["/data/y.nii"])"};
  const Dataset dataset = made.read();
  EXPECT_EQ(dataset.training[0].image, fs::canonical(made.path()) / "../outside/x.nii.gz");
  EXPECT_EQ(dataset.training[0].name, "x");
  EXPECT_EQ(dataset.test[0].image, "/data/y.nii");
  EXPECT_EQ(MadeDataset({kModality, kLabels, training_image("x/../imagesTr/a.nii")}).read().training[0].name, "a");
  expect_part(MadeDataset({kModality, kLabels, training_image("a\\u0000b.nii")}).error(), "zero byte");
}

TEST(Dataset, LinksOfOnesOwnDataAreFollowed) {
  const MadeDataset made{kModality, kLabels, training_image("imagesTr/a.nii.gz")};
  fs::create_directories(made.outside());
  save(made.outside() / "archived.nii.gz", std::string("voxels"));
  fs::create_symlink("../../outside/archived.nii.gz", made.path() / "imagesTr/a.nii.gz");
  const Dataset dataset = made.read();
  EXPECT_EQ(dataset.training[0].name, "a");  // the link's name, not that of what it leads to
  EXPECT_EQ(fs::file_size(dataset.training[0].image), 6U);
}

TEST(Dataset, DownloadedOnesMustNotReachOut) {
  const auto refusal = [](const MadeDataset& made) { return error_of([&] { require_dataset_inside(made.path()); }); };
  for (const char* path : {"../x.nii.gz", "imagesTr/../../x.nii.gz", "/etc/x.nii.gz", "./..", ".."}) {
    const MadeDataset made{kModality, kLabels, training_image(path)};
    expect_part(refusal(made), "training[0] has a path that leaves the dataset's folder");
  }
  const MadeDataset label{kModality, kLabels, R"("training": [{"image": "a.nii", "label": "../a.nii"}])"};
  expect_part(refusal(label), "leaves the dataset's folder");
  const MadeDataset test{kModality, kLabels, kTraining, R"("test": ["../a.nii"])"};
  expect_part(refusal(test), "test[0] has a path that leaves the dataset's folder");
  EXPECT_EQ(refusal(MadeDataset({kModality, kLabels, training_image("x/../imagesTr/a.nii")})), "no error");
  EXPECT_EQ(refusal(MadeDataset("{}")), "no error");  // whatever else is wrong with it is said when it is used
}

TEST(Dataset, LinksOfDownloadedOnes) {
  const MadeDataset made{kModality, kLabels, training_image("imagesTr/a.nii.gz")};
  const fs::path link = made.path() / "imagesTr/a.nii.gz";
  fs::create_directories(made.outside());
  save(made.outside() / "a.nii.gz", std::string("secret"));
  const auto refusal = [&] { return error_of([&] { require_dataset_inside(made.path()); }); };
  const auto linked_to = [&](const fs::path& target) {
    fs::remove(link);
    fs::create_symlink(target, link);
    return refusal();
  };
  expect_part(linked_to(made.outside() / "a.nii.gz"), "leaves the dataset's folder");
  expect_part(linked_to("../../outside/a.nii.gz"), "leaves the dataset's folder");
  expect_part(linked_to(made.outside() / "not_yet.nii.gz"), "leaves the dataset's folder");
  expect_part(linked_to("../../outside/not_yet.nii.gz"), "leaves the dataset's folder");
  expect_part(linked_to("a.nii.gz"), "leaves the dataset's folder");  // a loop
  EXPECT_EQ(linked_to("../labelsTr/a.nii.gz"), "no error");
  // The folder of the images.
  fs::remove_all(made.path() / "imagesTr");
  fs::create_directory_symlink(made.outside(), made.path() / "imagesTr");
  expect_part(refusal(), "leaves the dataset's folder");
}

TEST(Dataset, TheFolderItselfMayBeALink) {
  const MadeDataset made{kModality, kLabels, kTraining};
  fs::create_directory_symlink(made.path(), made.outside());
  EXPECT_EQ(read_dataset(made.outside()).training.size(), 2U);
}

TEST(Dataset, FilesThatDoNotExistAreFoundOutLater) {
  EXPECT_EQ(MadeDataset({kModality, kLabels, training_image("nowhere/a.nii.gz")}).error(), "no error");
}

TEST(Dataset, RealOnes) {
  NNUNET_NEEDS_SHARED("data/Task04_Hippocampus");
  const Dataset hippocampus = read_dataset(shared_dir() / "data/Task04_Hippocampus");
  EXPECT_EQ(hippocampus.training.size(), 200U);
  EXPECT_EQ(hippocampus.n_class(), 3);
  EXPECT_TRUE(fs::exists(hippocampus.training[0].image) && fs::exists(*hippocampus.training[0].label));
  const Dataset body = read_dataset(shared_dir() / "data/Task21_BodyCT");
  EXPECT_TRUE(body.is_ct());
  EXPECT_EQ(body.n_class(), 42);
  EXPECT_EQ(body.labels[10], "class10");
  EXPECT_EQ(body.test.size(), 3U);
  EXPECT_EQ(read_dataset(shared_dir() / "data/Task23_TwoMR").in_channels(), 2);
}
