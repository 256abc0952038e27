#include "nnunet/preprocess/pipeline.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "io/process.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/earlier_digest.h"
#include "nnunet/io/nifti.h"
#include "nnunet/io/npy.h"
#include "nnunet/plan/reference_plan.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::TempFolder;

void write_case_files(const fs::path& folder, const std::string& name, const Shape3& shape = {6, 9, 8}) {
  Image image;
  image.voxels = Array<float>({1, shape[0], shape[1], shape[2]});
  for (std::size_t i = 0; i < image.voxels.values.size(); ++i)
    image.voxels.values[i] =
        static_cast<float>(20 + 10 * std::sin(0.3 * static_cast<double>(i) + static_cast<double>(name.back())));
  image.geometry.shape = shape;
  image.geometry.spacing = {2, 1, 1};
  image.geometry.affine = {{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 2, 0}, {0, 0, 0, 1}}};
  write_image(folder / "imagesTr" / (name + ".nii.gz"), image);
  LabelMap label;
  label.voxels = Array<std::uint8_t>({shape[0], shape[1], shape[2]});
  label.voxels.values[100] = 1;
  label.geometry = image.geometry;
  write_label_map(folder / "labelsTr" / (name + ".nii.gz"), label);
}

// A dataset Task50_Phantom of cases a1, a2, ... with a training and a test list.
class PipelineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    log::set_quiet(true);
    for (const char* name : {"a1", "a2", "a3"}) write_case_files(dataset_, name);
    write_json({"a1", "a2", "a3"}, {"a2"});
    options_.data = data_.path();
    options_.results = results_.path();
    options_.task = "50";
    options_.patch_size = {12, 8, 8};
    options_.n_jobs = 2;
    options_.quiet = true;
  }

  void write_json(const std::vector<std::string>& training, const std::vector<std::string>& test,
                  const std::string& modality = "MRI") const {
    json lists{{"name", "Phantom"}, {"modality", {{"0", modality}}}, {"labels", {{"0", "background"}, {"1", "organ"}}}};
    for (const std::string& n : training)
      lists["training"].push_back({{"image", "./imagesTr/" + n + ".nii.gz"}, {"label", "labelsTr/" + n + ".nii.gz"}});
    for (const std::string& n : test) lists["test"].push_back("imagesTr/" + n + ".nii.gz");
    std::ofstream(dataset_ / "dataset.json") << lists;
  }

  void expect_error(const std::string& phrase) const {
    try {
      preprocess_dataset(options_);
      ADD_FAILURE() << "no error; expected: " << phrase;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(phrase), std::string::npos) << e.what();
    }
  }

  // Every file below a folder with its content.
  static std::map<std::string, std::string> snapshot(const fs::path& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      files[entry.path().lexically_relative(folder).string()] = std::string(std::istreambuf_iterator<char>(in), {});
    }
    return files;
  }

  std::vector<std::string> names(const fs::path& folder) const {
    std::vector<std::string> result;
    for (const auto& entry : fs::directory_iterator(folder)) result.push_back(entry.path().filename().string());
    std::sort(result.begin(), result.end());
    return result;
  }

  TempFolder data_, results_;
  fs::path dataset_ = data_ / "Task50_Phantom";
  fs::path out_ = results_ / "50_3d";
  PreprocessOptions options_;
};

TEST_F(PipelineTest, TrainingWritesCasesAndConfig) {
  const auto before = snapshot(data_.path());
  const PreprocessReport report = preprocess_dataset(options_);
  EXPECT_EQ(report.failed(), 0);
  EXPECT_EQ(report.folder, out_);
  EXPECT_EQ(names(out_), (std::vector<std::string>{"a1_x.npy", "a1_y.npy", "a2_x.npy", "a2_y.npy", "a3_x.npy",
                                                   "a3_y.npy", "config.json"}));
  EXPECT_EQ(read_npy<float>(out_ / "a1_x.npy").shape, (std::vector<std::int64_t>{1, 12, 9, 8}));
  EXPECT_EQ(read_npy<std::uint8_t>(out_ / "a1_y.npy").shape, (std::vector<std::int64_t>{1, 12, 9, 8}));
  const DataConfig config = read_config(out_ / "config.json");
  EXPECT_EQ(config.patch_size, options_.patch_size);
  EXPECT_EQ(config.spacings, (std::vector<double>{2, 1, 1}));  // collected
  EXPECT_EQ(config.n_class, 2);
  EXPECT_EQ(config.in_channels, 1);
  EXPECT_EQ(config.modality, "MRI");
  EXPECT_FALSE(config.ct);
  ASSERT_EQ(config.cases.size(), 3U);
  EXPECT_EQ(config.cases[1].name, "a2");
  EXPECT_EQ(config.cases[1].shape, (Shape3{6, 9, 8}));
  EXPECT_EQ(config.cases[1].spacing, (Spacing3{2, 1, 1}));
  EXPECT_TRUE(config.cases[1].has_label);
  EXPECT_NE(report.table().find("a3"), std::string::npos);
  EXPECT_EQ(snapshot(data_.path()), before);  // the dataset is never written to
}

TEST_F(PipelineTest, ConfigHoldsThePlan) {
  preprocess_dataset(options_);
  const fs::path file = out_ / "config.json";
  const json written = json::parse(std::ifstream(file));
  const ModelPlan plan = model_plan_from_json(written.at("plan"), "config.json");
  EXPECT_EQ(plan, reference_plan(read_config(file)));
  EXPECT_EQ(plan.window.patch, options_.patch_size);
  EXPECT_EQ(plan.preprocess.spacing, (std::vector<double>{2, 1, 1}));
  EXPECT_EQ(plan.labels.entries[1], (LabelEntry{"organ", {1}}));

  // As an earlier version left it: its cases are kept, and a new one brings the plan.
  json old = written;
  old.erase("plan");
  std::ofstream(file) << old;
  fs::remove(out_ / "a2_x.npy");
  const PreprocessReport report = preprocess_dataset(options_);
  EXPECT_EQ(report.failed(), 0);
  EXPECT_TRUE(report.cases[0].kept);
  EXPECT_FALSE(report.cases[1].kept);
  EXPECT_EQ(json::parse(std::ifstream(file)), written);

  json other = written;
  other["plan"]["preprocess"]["spacing"] = {2, 1, 2};
  std::ofstream(file) << other;
  expect_error("contradicts its other entries: \"preprocess.spacing\"");
  other["plan"]["preprocess"]["crop"] = "none";
  std::ofstream(file) << other;
  expect_error("\"preprocess.crop\" is \"none\"");
}

TEST_F(PipelineTest, ValAndTestAreNotPaddedAndHaveMeta) {
  preprocess_dataset(options_);
  options_.patch_size.clear();  // val and test use the training folder's
  options_.exec_mode = "val";
  EXPECT_EQ(preprocess_dataset(options_).failed(), 0);
  EXPECT_EQ(names(out_ / "val").size(), 10U);
  EXPECT_EQ(read_npy<float>(out_ / "val" / "a1_x.npy").shape, (std::vector<std::int64_t>{1, 6, 9, 8}));
  EXPECT_EQ(read_npy<std::int64_t>(out_ / "val" / "a1_meta.npy").values,
            (std::vector<std::int64_t>{0, 0, 0, 6, 9, 8, 6, 9, 8}));
  EXPECT_EQ(read_config(out_ / "val" / "config.json").patch_size, (std::vector<std::int64_t>{12, 8, 8}));
  options_.exec_mode = "test";
  EXPECT_EQ(preprocess_dataset(options_).failed(), 0);
  EXPECT_EQ(names(out_ / "test"), (std::vector<std::string>{"a2_meta.npy", "a2_x.npy", "config.json"}));
  EXPECT_FALSE(read_config(out_ / "test" / "config.json").cases.at(0).has_label);
  // Training again, even anew, leaves them alone.
  const auto before = snapshot(out_ / "val");
  options_.exec_mode = "training";
  options_.patch_size = {12, 8, 8};
  options_.overwrite = true;
  preprocess_dataset(options_);
  EXPECT_EQ(snapshot(out_ / "val"), before);
  EXPECT_EQ(names(out_ / "test").size(), 3U);
}

TEST_F(PipelineTest, ValRefusesFlagsThatContradictTraining) {
  preprocess_dataset(options_);
  options_.exec_mode = "val";
  options_.patch_size = {16, 8, 8};
  expect_error("--patch_size: it contradicts the training folder's");
  options_.patch_size.clear();
  options_.spacing = {1, 1, 1};
  expect_error("--spacing: it contradicts");
}

TEST_F(PipelineTest, TwoDimensions) {
  options_.dim = 2;
  options_.patch_size = {8, 10};
  EXPECT_EQ(preprocess_dataset(options_).failed(), 0);
  EXPECT_EQ(read_npy<float>(results_ / "50_2d" / "a1_x.npy").shape, (std::vector<std::int64_t>{1, 6, 8, 10}));
  EXPECT_EQ(read_config(results_ / "50_2d" / "config.json").spacings, (std::vector<double>{1, 1}));
}

TEST_F(PipelineTest, DilationClosesLabels) {
  preprocess_dataset(options_);
  const Array<std::uint8_t> plain = read_npy<std::uint8_t>(out_ / "a1_y.npy");
  options_.dilation = true;
  expect_error("dilation was false, now true");
  options_.overwrite = true;
  EXPECT_EQ(preprocess_dataset(options_).failed(), 0);
  EXPECT_EQ(read_npy<std::uint8_t>(out_ / "a1_y.npy").shape, plain.shape);
}

TEST_F(PipelineTest, FinishedCasesAreKeptAndMissingOnesMade) {
  preprocess_dataset(options_);
  const auto before = snapshot(out_);
  fs::remove(out_ / "a2_x.npy");
  const auto kept_time = fs::last_write_time(out_ / "a1_x.npy");
  const PreprocessReport report = preprocess_dataset(options_);
  EXPECT_TRUE(report.cases[0].kept);
  EXPECT_FALSE(report.cases[1].kept);
  EXPECT_EQ(fs::last_write_time(out_ / "a1_x.npy"), kept_time);
  EXPECT_EQ(snapshot(out_), before);
}

TEST_F(PipelineTest, OneBadCaseDoesNotStopTheOthers) {
  fs::remove(dataset_ / "imagesTr" / "a2.nii.gz");
  const PreprocessReport report = preprocess_dataset(options_);
  EXPECT_EQ(report.failed(), 1);
  EXPECT_NE(report.cases[1].error.find("a2"), std::string::npos);
  EXPECT_EQ(names(out_), (std::vector<std::string>{"a1_x.npy", "a1_y.npy", "a3_x.npy", "a3_y.npy", "config.json"}));
  EXPECT_EQ(read_config(out_ / "config.json").cases.size(), 2U);
  // Repaired, the same command completes the folder.
  write_case_files(dataset_, "a2");
  const PreprocessReport second = preprocess_dataset(options_);
  EXPECT_EQ(second.failed(), 0);
  EXPECT_TRUE(second.cases[0].kept);
  EXPECT_EQ(read_config(out_ / "config.json").cases.size(), 3U);
}

TEST_F(PipelineTest, BadLabelsAndImagesCostTheirCase) {
  Image image = read_nifti(dataset_ / "imagesTr" / "a1.nii.gz");
  image.voxels.values[7] = std::numeric_limits<float>::quiet_NaN();
  write_image(dataset_ / "imagesTr" / "a1.nii.gz", image);
  LabelMap label = read_label_map(dataset_ / "labelsTr" / "a2.nii.gz");
  label.voxels.values[9] = 2;
  write_label_map(dataset_ / "labelsTr" / "a2.nii.gz", label);
  fs::resize_file(dataset_ / "labelsTr" / "a3.nii.gz", 60);
  const PreprocessReport report = preprocess_dataset(options_);
  EXPECT_EQ(report.failed(), 3);
  for (const CaseReport& c : report.cases) EXPECT_NE(c.error.find(c.name), std::string::npos) << c.error;
  EXPECT_EQ(names(out_), (std::vector<std::string>{"config.json"}));
}

TEST_F(PipelineTest, LabelOfAnotherShapeCostsItsCase) {
  const Image keep = read_nifti(dataset_ / "imagesTr" / "a1.nii.gz");
  write_case_files(dataset_, "a1", {6, 8, 9});
  write_image(dataset_ / "imagesTr" / "a1.nii.gz", keep);
  const PreprocessReport report = preprocess_dataset(options_);
  EXPECT_EQ(report.failed(), 1);
  EXPECT_NE(report.cases[0].error.find("6x8x9"), std::string::npos) << report.cases[0].error;
}

TEST_F(PipelineTest, LabelWithAnotherAffineIsOnlyAWarning) {
  LabelMap label = read_label_map(dataset_ / "labelsTr" / "a1.nii.gz");
  label.geometry.header.clear();
  label.geometry.affine[0][3] += 30;
  write_label_map(dataset_ / "labelsTr" / "a1.nii.gz", label);
  EXPECT_EQ(preprocess_dataset(options_).failed(), 0);
}

TEST_F(PipelineTest, OtherOptionsOrDataAreRefused) {
  preprocess_dataset(options_);
  const auto before = snapshot(out_);
  options_.patch_size = {8, 8, 8};
  expect_error("made with other options or data: patch_size was [12,8,8], now [8,8,8]");
  options_.patch_size = {12, 8, 8};
  options_.spacing = {1, 1, 1};
  expect_error("spacing");
  options_.spacing.clear();
  write_case_files(dataset_, "a4");
  write_json({"a1", "a2", "a3", "a4"}, {});
  expect_error("the dataset's list of cases differs");
  EXPECT_EQ(snapshot(out_), before);
}

// A folder of commit 539196e has another digest of its list of cases.
TEST_F(PipelineTest, FoldersOfEarlierVersionsAreContinued) {
  preprocess_dataset(options_);
  const auto set_list = [&](const std::string& digest) {
    json config = json::parse(std::ifstream(out_ / "config.json"));
    json options = json::parse(config.at("options").get<std::string>());
    options.at("case list") = digest;
    config["options"] = options.dump();
    std::ofstream(out_ / "config.json") << config;
  };
  std::vector<std::string> entries;
  for (const std::string name : {"a1", "a2", "a3"})
    entries.insert(entries.end(), {name, "imagesTr/" + name + ".nii.gz", "labelsTr/" + name + ".nii.gz"});
  entries.insert(entries.end(), {"MRI", "background", "organ"});
  set_list(earlier_list_digest(entries));
  const PreprocessReport report = preprocess_dataset(options_);
  EXPECT_TRUE(std::ranges::all_of(report.cases, &CaseReport::kept));
  entries.front() = "a4";
  set_list(earlier_list_digest(entries));
  expect_error("the dataset's list of cases differs");
}

// A dataset of unpacked files: any change of voxels leaves their size as it is.
class ChangedSources : public PipelineTest {
 protected:
  void SetUp() override {
    PipelineTest::SetUp();
    for (const char* name : {"a1", "a2", "a3"}) {
      write_image(image(name), read_nifti(dataset_ / "imagesTr" / (std::string(name) + ".nii.gz")));
      write_label_map(label(name), read_label_map(dataset_ / "labelsTr" / (std::string(name) + ".nii.gz")));
    }
    write_lists("MRI");
  }
  void write_lists(const std::string& modality) const {
    json lists{{"name", "Phantom"}, {"modality", {{"0", modality}}}, {"labels", {{"0", "background"}, {"1", "organ"}}}};
    for (const std::string n : {"a1", "a2", "a3"})
      lists["training"].push_back({{"image", "imagesTr/" + n + ".nii"}, {"label", "labelsTr/" + n + ".nii"}});
    lists["test"] = {"imagesTr/a2.nii"};
    std::ofstream(dataset_ / "dataset.json") << lists;
  }
  fs::path image(const std::string& name) const { return dataset_ / "imagesTr" / (name + ".nii"); }
  fs::path label(const std::string& name) const { return dataset_ / "labelsTr" / (name + ".nii"); }

  void change_image(const std::string& name) const {
    Image changed = read_nifti(image(name));
    for (float& v : changed.voxels.values) v += 5;
    changed.voxels.values[7] += 100;  // beyond what normalisation takes away
    write_image(image(name), changed);
  }
  void change_label(const std::string& name) const {
    LabelMap changed = read_label_map(label(name));
    std::swap(changed.voxels.values[100], changed.voxels.values[101]);
    write_label_map(label(name), changed);
  }

  // Runs again; the cases that are made anew.
  std::string made() const {
    std::string names;
    const PreprocessReport report = preprocess_dataset(options_);
    EXPECT_EQ(report.failed(), 0);
    for (const CaseReport& c : report.cases)
      if (!c.kept) names += c.name + " ";
    return names;
  }

  // What a single run makes of the files as they are.
  std::map<std::string, std::string> fresh() const {
    TempFolder elsewhere;
    PreprocessOptions own = options_;
    own.results = elsewhere.path();
    preprocess_dataset(own);
    return snapshot(elsewhere / "50_3d");
  }
};

TEST_F(ChangedSources, AreMadeAnew) {
  EXPECT_EQ(made(), "a1 a2 a3 ");
  const auto before = snapshot(out_);
  const auto size = fs::file_size(label("a2"));
  change_label("a2");
  ASSERT_EQ(fs::file_size(label("a2")), size);
  EXPECT_EQ(made(), "a2 ");
  const auto after = snapshot(out_);
  EXPECT_NE(after.at("a2_y.npy"), before.at("a2_y.npy"));
  EXPECT_EQ(after.at("a1_y.npy"), before.at("a1_y.npy"));
  EXPECT_EQ(after, fresh());
  change_image("a3");
  EXPECT_EQ(made(), "a3 ");
  EXPECT_NE(snapshot(out_).at("a3_x.npy"), after.at("a3_x.npy"));
  EXPECT_EQ(snapshot(out_), fresh());
  EXPECT_EQ(made(), "");
}

TEST_F(ChangedSources, EvenWithTheirTimesKept) {
  made();
  const auto time = fs::last_write_time(label("a2"));
  change_label("a2");
  fs::last_write_time(label("a2"), time);
  EXPECT_EQ(made(), "a2 ");
}

TEST_F(ChangedSources, ACopiedDatasetIsTheSame) {
  made();
  const auto before = snapshot(out_);
  for (const auto& entry : fs::recursive_directory_iterator(dataset_))
    fs::last_write_time(entry.path(), fs::last_write_time(entry.path()) + std::chrono::hours(1));
  EXPECT_EQ(made(), "");
  const auto after = snapshot(out_);
  for (const auto& [name, content] : before) EXPECT_EQ(after.at(name) == content, name != "config.json") << name;
  EXPECT_EQ(after, fresh());
  EXPECT_EQ(made(), "");
}

TEST_F(ChangedSources, ValAndTestToo) {
  made();
  options_.patch_size.clear();
  for (const char* mode : {"val", "test"}) {
    options_.exec_mode = mode;
    EXPECT_NE(made(), "");
    EXPECT_EQ(made(), "");
    change_image("a2");
    EXPECT_EQ(made(), "a2 ");
  }
  change_label("a2");
  EXPECT_EQ(made(), "") << "tests have no labels";
}

TEST_F(ChangedSources, AreRefusedWhereParametersWereCollectedFromThem) {
  made();
  auto before = snapshot(out_);
  Image other = read_nifti(image("a1"));
  other.geometry.header.clear();
  other.geometry.spacing = {4, 1, 1};
  other.geometry.affine[2][2] = 4;
  write_image(image("a1"), other);
  expect_error("have changed since, those of case a1");
  EXPECT_EQ(snapshot(out_), before);
  options_.overwrite = true;
  EXPECT_EQ(made(), "a1 a2 a3 ");
  options_.overwrite = false;

  fs::remove_all(out_);
  write_lists("CT");
  made();
  before = snapshot(out_);
  change_label("a3");
  expect_error("have changed since, those of case a3");
  EXPECT_EQ(snapshot(out_), before);
  fs::remove_all(out_);
  options_.ct_stats = {0, 30, 15, 5};
  made();
  change_label("a3");
  EXPECT_EQ(made(), "a3 ");
}

TEST_F(ChangedSources, ThatAreGoneCostNothing) {
  made();
  const auto before = snapshot(out_);
  fs::rename(label("a1"), label("away"));
  expect_error("files that are gone");
  EXPECT_EQ(snapshot(out_), before);
  fs::rename(label("away"), label("a1"));
  EXPECT_EQ(made(), "");
}

TEST_F(ChangedSources, KilledBetweenFilesAndConfig) {
  made();
  const std::string old_config = snapshot(out_).at("config.json");
  change_label("a1");
  made();
  const auto after = snapshot(out_);
  std::ofstream(out_ / "config.json") << old_config;  // which lists what a1 was made from before
  EXPECT_EQ(made(), "a1 ");
  EXPECT_EQ(snapshot(out_), after);
}

TEST_F(ChangedSources, FoldersOfEarlierVersionsAreRefused) {
  made();
  json config = json::parse(snapshot(out_).at("config.json"));
  json options = json::parse(config["options"].get<std::string>());
  options["sources"] = "0123456789abcdef";
  config["options"] = options.dump();
  std::ofstream(out_ / "config.json") << config;
  expect_error("an earlier version");
  options["sources"] = {{"a1", {"1 2 3"}}};  // damaged
  config["options"] = options.dump();
  std::ofstream(out_ / "config.json") << config;
  EXPECT_EQ(made(), "a1 a2 a3 ");
}

TEST_F(ChangedSources, PartsMakeTheirOwnAnew) {
  const auto part = [&](int id) {
    options_.part = {id, 2};
    return made();
  };
  EXPECT_EQ(part(0), "a1 a3 ");
  EXPECT_EQ(part(1), "a2 ");
  change_label("a1");
  change_label("a2");
  EXPECT_EQ(part(0), "a1 ");
  options_.part = {};
  const auto expected = fresh();
  EXPECT_NE(snapshot(out_), expected);
  EXPECT_EQ(part(1), "a2 ");
  EXPECT_EQ(snapshot(out_), expected);
  change_label("a1");
  change_label("a2");
  change_image("a3");
  {
    std::vector<std::jthread> both;
    for (const int id : {0, 1})
      both.emplace_back([this, id] {
        PreprocessOptions own = options_;
        own.part = {id, 2};
        EXPECT_EQ(preprocess_dataset(own).failed(), 0);
      });
  }
  options_.part = {};
  EXPECT_EQ(made(), "");
  EXPECT_EQ(snapshot(out_), fresh());
}

TEST_F(PipelineTest, OverwriteRemovesOwnOutputsOnly) {
  preprocess_dataset(options_);
  std::ofstream(out_ / "notes.txt") << "mine";
  std::ofstream(out_ / "other_x.npy") << "mine too";
  std::ofstream(out_ / "a3_x.npy.tmp.12.3") << "left by a killed run";
  fs::create_directories(out_ / "val");
  std::ofstream(out_ / "val" / "a1_x.npy") << "val";
  write_json({"a1", "a2"}, {});
  options_.overwrite = true;
  EXPECT_EQ(preprocess_dataset(options_).failed(), 0);
  EXPECT_EQ(names(out_), (std::vector<std::string>{"a1_x.npy", "a1_y.npy", "a2_x.npy", "a2_y.npy", "config.json",
                                                   "notes.txt", "other_x.npy", "val"}));
  EXPECT_EQ(names(out_ / "val").size(), 1U);
}

TEST_F(PipelineTest, LeftoversOfKilledRunsAreRemoved) {
  fs::create_directories(out_);
  Process process = this_process();
  const std::string alive = ".tmp." + process.text() + ".9999";
  --process.start;  // an earlier process had the number of this one
  const std::string dead = ".tmp." + process.text() + ".7";
  for (const std::string& name : {"a1_x.npy" + dead, "other_x.npy" + dead, "a2_y.npy" + alive})
    std::ofstream(out_ / name) << "half";
  preprocess_dataset(options_);
  EXPECT_FALSE(fs::exists(out_ / ("a1_x.npy" + dead)));
  EXPECT_TRUE(fs::exists(out_ / ("other_x.npy" + dead)));
  EXPECT_TRUE(fs::exists(out_ / ("a2_y.npy" + alive)));
}

TEST_F(PipelineTest, LittleMemoryMeansOneCaseAfterTheOther) {
  preprocess_dataset(options_);
  const auto before = snapshot(out_);
  options_.overwrite = true;
  options_.memory = 1;
  const PreprocessReport report = preprocess_dataset(options_);
  EXPECT_EQ(report.failed(), 0);
  EXPECT_EQ(report.memory_limit, 1);
  EXPECT_GT(report.case_memory, 12 * 9 * 8 * 5);  // the padded image and label
  EXPECT_EQ(snapshot(out_), before);
}

TEST_F(PipelineTest, OutputsOfUnknownOriginAreRefused) {
  fs::create_directories(out_);
  std::ofstream(out_ / "a1_x.npy") << "who made this?";
  expect_error("no config.json");
  std::ofstream(out_ / "config.json") << "{ broken";
  expect_error("config.json");
  options_.overwrite = true;
  EXPECT_EQ(preprocess_dataset(options_).failed(), 0);
}

TEST_F(PipelineTest, CustomTaskWithoutPatchSize) {
  options_.patch_size.clear();
  expect_error("--patch_size");
}

TEST_F(PipelineTest, UnknownTasks) {
  options_.task = "77";
  expect_error("Task77_");
  options_.task = "../50";
  expect_error("not a task");
  options_.task.clear();
  expect_error("--task");
  options_.task = "50";
  options_.data = data_ / "absent";
  expect_error("absent");
}

TEST_F(PipelineTest, DatasetFolderGivenDirectly) {
  options_.dataset_dir = dataset_;
  options_.task.clear();
  EXPECT_EQ(preprocess_dataset(options_).folder, results_ / "Task50_Phantom_3d");
  options_.task = "60";
  EXPECT_EQ(preprocess_dataset(options_).folder, results_ / "60_3d");
}

TEST_F(PipelineTest, TestModeWithoutTrainingList) {
  write_json({}, {"a1", "a2"});
  options_.exec_mode = "test";
  expect_error("--spacing");
  options_.spacing = {2, 1, 1};
  EXPECT_EQ(preprocess_dataset(options_).failed(), 0);
  EXPECT_EQ(names(out_ / "test").size(), 5U);
  options_.exec_mode = "training";
  expect_error("no training cases");
}

TEST_F(PipelineTest, CtStatisticsAreCollectedOrGiven) {
  write_json({"a1", "a2", "a3"}, {"a1"}, "CT");
  EXPECT_EQ(preprocess_dataset(options_).failed(), 0);
  const DataConfig config = read_config(out_ / "config.json");
  ASSERT_TRUE(config.ct);
  EXPECT_EQ(config.modality, "CT");
  std::vector<double> values;  // one labelled voxel a case
  for (const char* name : {"a1", "a2", "a3"})
    values.push_back(
        static_cast<double>(read_nifti(dataset_ / "imagesTr" / (std::string(name) + ".nii.gz")).voxels.values[100]));
  std::sort(values.begin(), values.end());
  EXPECT_NEAR(config.ct->mean, (values[0] + values[1] + values[2]) / 3, 1e-9);
  EXPECT_NEAR(config.ct->min, values[0] + 0.01 * (values[1] - values[0]), 1e-9);
  options_.ct_stats = {0, 30, 15, 5};
  expect_error("ct_stats");
  options_.overwrite = true;
  EXPECT_EQ(preprocess_dataset(options_).failed(), 0);
  EXPECT_EQ(read_config(out_ / "config.json").ct->max, 30);
  write_json({"a1", "a2", "a3"}, {"a1"});
  expect_error("not CT");
}

TEST_F(PipelineTest, CtInSmallLettersIsCt) {
  write_json({"a1", "a2", "a3"}, {"a1"}, " ct ");
  EXPECT_EQ(preprocess_dataset(options_).failed(), 0);
  const DataConfig config = read_config(out_ / "config.json");
  EXPECT_EQ(config.modality, "CT");
  EXPECT_TRUE(config.ct);
}

TEST_F(PipelineTest, ValIsNeverNormalisedOtherwiseThanTraining) {
  EXPECT_EQ(preprocess_dataset(options_).failed(), 0);
  write_json({"a1", "a2", "a3"}, {"a1"}, "ct");
  options_.exec_mode = "val";
  options_.patch_size.clear();
  expect_error("made as MRI");
}

TEST_F(PipelineTest, MeaninglessOptions) {
  const PreprocessOptions good = options_;
  const auto with = [&](auto change, const std::string& phrase) {
    options_ = good;
    change(options_);
    expect_error(phrase);
  };
  with([](auto& o) { o.dim = 4; }, "--dim");
  with([](auto& o) { o.exec_mode = "train"; }, "--exec_mode");
  with([](auto& o) { o.n_jobs = -2; }, "--n_jobs");
  with([](auto& o) { o.patch_size = {8, 8}; }, "--patch_size");
  with([](auto& o) { o.patch_size = {8, 0, 8}; }, "--patch_size");
  with([](auto& o) { o.spacing = {1, 1}; }, "--spacing");
  with([](auto& o) { o.spacing = {1, 0, 1}; }, "--spacing");
  with([](auto& o) { o.ct_stats = {5, 1, 0, 1}; }, "--ct_stats");
  EXPECT_FALSE(fs::exists(out_));
}

TEST_F(PipelineTest, NothingIsWrittenIntoTheDataset) {
  options_.results = dataset_ / "imagesTr";
  expect_error("inside the dataset");
}

TEST_F(PipelineTest, ResultsThatCannotBeWritten) {
  std::ofstream(results_ / "file") << "x";
  options_.results = results_ / "file";
  EXPECT_THROW(preprocess_dataset(options_), Error);
}

// What one process makes of the dataset.
class PartsTest : public PipelineTest {
 protected:
  void SetUp() override {
    PipelineTest::SetUp();
    std::vector<std::string> names;
    for (int i = 1; i <= 7; ++i) {
      names.push_back(fmt::format("a{}", i));
      write_case_files(dataset_, names.back(), {6, 9 + i % 3, 8});
    }
    write_json(names, {"a2", "a3"}, "CT");
    EXPECT_EQ(preprocess_dataset(options_).failed(), 0);
    alone_ = snapshot(out_);
    fs::remove_all(out_);
  }

  PreprocessReport run_part(int id, int count) const {
    PreprocessOptions own = options_;
    own.part = {id, count};
    return preprocess_dataset(own);
  }

  std::map<std::string, std::string> alone_;
};

TEST_F(PartsTest, OneAfterTheOtherTheyMakeWhatOneProcessMakes) {
  for (const int id : {2, 0, 1}) {
    const PreprocessReport report = run_part(id, 3);
    EXPECT_EQ(report.failed(), 0);
    EXPECT_EQ(report.cases.size(), id == 0 ? 3U : 2U);
    EXPECT_EQ(report.cases[0].name, fmt::format("a{}", id + 1));
  }
  EXPECT_EQ(snapshot(out_), alone_);
  EXPECT_TRUE(run_part(1, 3).cases[0].kept);
  EXPECT_EQ(run_part(2, 4).config.cases.size(), 7U);  // shared out otherwise: all is there
  EXPECT_EQ(snapshot(out_), alone_);
}

TEST_F(PartsTest, BesideEachOtherTheyMakeWhatOneProcessMakes) {
  constexpr int parts = 9;  // more than there are cases
  for (int round = 0; round < 5; ++round) {
    fs::remove_all(out_);
    std::vector<std::jthread> threads;
    for (int id = 0; id < parts; ++id) threads.emplace_back([this, id] { EXPECT_EQ(run_part(id, parts).failed(), 0); });
    threads.clear();
    EXPECT_EQ(snapshot(out_), alone_);
  }
}

TEST_F(PartsTest, AMissingPartIsFilledInLater) {
  run_part(0, 2);
  const DataConfig half = read_config(out_ / "config.json");
  EXPECT_EQ(half.cases.size(), 4U);
  fs::remove(out_ / "a3_x.npy");
  run_part(1, 2);
  EXPECT_EQ(read_config(out_ / "config.json").cases.size(), 6U);
  const PreprocessReport rest = preprocess_dataset(options_);
  EXPECT_EQ(std::count_if(rest.cases.begin(), rest.cases.end(), [](const CaseReport& c) { return !c.kept; }), 1);
  EXPECT_EQ(snapshot(out_), alone_);
}

// A part that was killed between a case's files and config.json, and an image that was replaced since.
TEST_F(PartsTest, UnlistedFilesOfAKilledPartDoNotCount) {
  run_part(0, 2);
  const DataConfig listed = read_config(out_ / "config.json");
  run_part(1, 2);
  for (const char* kind : {"_x.npy", "_y.npy"})
    fs::copy_file(out_ / fmt::format("a1{}", kind), out_ / fmt::format("a2{}", kind),
                  fs::copy_options::overwrite_existing);
  write_config(out_ / "config.json", listed);
  run_part(0, 2);
  const DataConfig config = read_config(out_ / "config.json");
  for (const char* name : {"a2", "a4", "a6"}) EXPECT_EQ(config.find_case(name), nullptr) << name;
  EXPECT_FALSE(run_part(1, 2).cases[0].kept);
  EXPECT_EQ(snapshot(out_), alone_);
}

TEST_F(PartsTest, ABadCaseCostsItsPartOnly) {
  fs::resize_file(dataset_ / "imagesTr" / "a2.nii.gz", 60);
  options_.spacing = {2, 1, 1};
  options_.ct_stats = {0, 30, 15, 5};
  EXPECT_EQ(run_part(0, 2).failed(), 0);
  EXPECT_EQ(run_part(1, 2).failed(), 1);
  EXPECT_EQ(read_config(out_ / "config.json").cases.size(), 6U);
}

TEST_F(PartsTest, TemporaryFilesOfOtherPartsAreLeftAlone) {
  Process process = this_process();
  process.machine ^= 1U;
  const std::string elsewhere = ".tmp." + process.text() + ".1";
  fs::create_directories(out_);
  for (const char* name : {"a1_x.npy", "a2_x.npy", "config.json"}) std::ofstream(out_ / (name + elsewhere)) << "half";
  run_part(0, 2);
  EXPECT_FALSE(fs::exists(out_ / ("a1_x.npy" + elsewhere)));
  EXPECT_TRUE(fs::exists(out_ / ("a2_x.npy" + elsewhere)));
  EXPECT_TRUE(fs::exists(out_ / ("config.json" + elsewhere)));  // perhaps being written
}

TEST_F(PartsTest, CannotStartAnewBesideEachOther) {
  options_.overwrite = true;
  options_.part = {0, 2};
  expect_error("--overwrite");
}

TEST_F(PipelineTest, AFailedWriteLeavesNothingUnderAFinalName) {
  // A folder where x's file must go makes its writing fail, when y is there already.
  fs::create_directories(out_ / "a2_x.npy" / "in the way");
  options_.overwrite = true;
  const PreprocessReport report = preprocess_dataset(options_);
  EXPECT_EQ(report.failed(), 1);
  EXPECT_FALSE(fs::exists(out_ / "a2_y.npy"));
  for (const std::string& n : names(out_)) EXPECT_EQ(n.find(".tmp."), std::string::npos) << n;
}

}  // namespace
}  // namespace nnunet
