// Raw datasets: what is found in them, what is wrong with them, older forms as nnU-Net v2's.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <set>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/split_channels.h"
#include "nnunet/v2/dataset_conversion.h"
#include "nnunet/v2/dataset_integrity.h"
#include "nnunet/v2/dataset_labels.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/raw_dataset.h"
#include "v2/reference_datasets.h"
#include "v2/tiny_dataset.h"
#include "v2/volumes.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;
using test::TinyDataset;

/// "CASE FILE PROBLEM", warnings with a ? in front.
std::vector<std::string> findings_of(const fs::path& folder) {
  std::vector<std::string> lines;
  for (const IntegrityFinding& f : check_dataset_integrity(folder, 2, false))
    lines.push_back(fmt::format("{}{} {} {}", f.warning ? "?" : "", f.name, f.file, f.problem));
  return lines;
}

/// Whether there is exactly one finding a line, each beginning as these do.
testing::AssertionResult finds(const fs::path& folder, const std::vector<std::string>& beginnings) {
  const std::vector<std::string> found = findings_of(folder);
  bool same = found.size() == beginnings.size();
  for (std::size_t i = 0; i < std::min(found.size(), beginnings.size()); ++i)
    same = same && found[i].starts_with(beginnings[i]);
  if (same) return testing::AssertionSuccess();
  auto failure = testing::AssertionFailure() << "found:";
  for (const std::string& line : found) failure << "\n  " << line;
  return failure;
}

TEST(Integrity, NothingToFind) {
  const TempFolder folder;
  const TinyDataset tiny(folder / "Dataset001_Tiny");
  EXPECT_TRUE(finds(tiny.folder(), {}));
  require_dataset_integrity(tiny.folder(), 1, false);
}

TEST(Integrity, EveryFaultOfEveryCase) {
  log::set_quiet(true);
  const TempFolder folder;
  const TinyDataset tiny(folder / "Dataset001_Tiny", 8);
  // 0: an undeclared label; 1: no label; 2: NaN; 3: another shape; 4: another spacing; 5: a channel too many; 6:
  // damaged
  WideLabelMap map = read_label_file(tiny.label("case_0"));
  map.voxels.values[0] = 7;
  write_label_file(tiny.label("case_0"), map);
  fs::remove(tiny.label("case_1"));
  Image image = test::small_image({6, 6, 5});
  image.voxels.values[3] = std::numeric_limits<float>::quiet_NaN();
  write_image(tiny.image("case_2"), image);
  write_image(tiny.image("case_3"), test::small_image({7, 6, 6}));
  image = test::small_image({8, 6, 5});
  image.geometry.spacing = {2, 1, 1.5};
  image.geometry.affine[0][0] = 1.5;
  write_image(tiny.image("case_4"), image);
  fs::copy_file(tiny.image("case_5"), tiny.folder() / "imagesTr/case_5_0001.nii.gz");
  test::write(tiny.label("case_6"), "no image");
  const std::string images = "imagesTr/case_", labels = "labelsTr/case_";
  EXPECT_TRUE(finds(
      tiny.folder(),
      {"case_0 " + labels + "0.nii.gz holds labels that dataset.json does not declare: 7",
       "case_1 " + labels + "1.nii.gz there is no label map", "case_2 " + images + "2_0000.nii.gz 1 voxels are NaN",
       "case_3 " + labels + "3.nii.gz is 7x6x5, but the image is 7x6x6",
       "case_4 " + labels + "4.nii.gz has the spacing 2 x 1 x 1 mm (z, y, x), but the image has 2 x 1 x 1.5",
       "case_5 " + images + "5_0000.nii.gz the case has 2 channels, dataset.json names 1",
       "case_6 " + labels + "6.nii.gz is not a gzip file"}));
  try {
    require_dataset_integrity(tiny.folder(), 1, false);
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("7 faults"), std::string::npos) << e.what();
  }
  const std::string table = integrity_table(check_dataset_integrity(tiny.folder(), 1, false));
  EXPECT_EQ(std::ranges::count(table, '\n'), 2 + 7) << table;  // below the header and its line
}

TEST(Integrity, PlaceInSpaceOnlyWarns) {
  log::set_quiet(true);
  const TempFolder folder;
  const TinyDataset tiny(folder / "Dataset001_Tiny", 2);
  Image image = test::small_image({4, 6, 5});
  image.geometry.affine[1][3] = 5;
  write_image(tiny.image("case_0"), image);
  image = test::small_image({5, 6, 5});
  image.geometry.affine[0][0] = -1;
  write_image(tiny.image("case_1"), image);
  const std::string labels = "labelsTr/case_";
  EXPECT_TRUE(finds(tiny.folder(),
                    {"?case_0 " + labels + "0.nii.gz its origin", "?case_1 " + labels + "1.nii.gz its direction"}));
  require_dataset_integrity(tiny.folder(), 1, false);
}

TEST(Integrity, NumbersOfChannels) {
  log::set_quiet(true);
  const TempFolder folder;
  const TinyDataset tiny(folder / "Dataset001_Tiny");
  const auto renumber = [&](const std::string& name) {
    fs::rename(tiny.image(name), tiny.folder() / "imagesTr" / (name + "_0002.nii.gz"));
  };
  const auto line = [](const std::string& name) {
    return fmt::format("{0} imagesTr/{0}_0002.nii.gz its files are the channels 0002, not 0000", name);
  };
  renumber("case_1");
  EXPECT_TRUE(finds(tiny.folder(), {line("case_1")}));
  renumber("case_0");
  renumber("case_2");
  EXPECT_TRUE(finds(tiny.folder(), {"?" + line("case_0"), "?" + line("case_1"), "?" + line("case_2")}))
      << "the same image everywhere";
}

TEST(Integrity, FaultsOfTheDescription) {
  const TempFolder folder;
  const TinyDataset tiny(folder / "Dataset001_Tiny", 2);
  tiny.describe(R"({"labels": {"background": 0, "a": 1, "b": 2}, "file_ending": ".nii.gz", "modality": {"0": "CT"}})");
  EXPECT_TRUE(finds(tiny.folder(),
                    {"- dataset.json \"channel_names\" is missing", "- dataset.json \"numTraining\" is missing"}));
  tiny.describe(R"({"labels": {"background": 0, "a": 1, "b": 3, "c": 2, "d": 5}, "file_ending": ".nii.gz",
      "channel_names": {"0": "CT"}, "numTraining": 3})");
  EXPECT_TRUE(finds(tiny.folder(), {"- dataset.json the labels are not consecutive: 5 follows 3",
                                    "- dataset.json \"numTraining\" is 3, but 2 training cases are there"}));
  tiny.describe(R"({"labels": {"background": 0, "a": 1, "ignore": 5}, "file_ending": ".nii.gz",
      "channel_names": {"0": "CT"}, "numTraining": 2})");
  EXPECT_TRUE(finds(tiny.folder(), {"- dataset.json the ignore label is 5"}));
  tiny.describe("{");
  EXPECT_EQ(findings_of(tiny.folder()).size(), 1U);
  fs::remove(tiny.folder() / "dataset.json");
  EXPECT_EQ(findings_of(tiny.folder()).size(), 1U);
  EXPECT_THROW(require_dataset_integrity(tiny.folder(), 1, false), Error);
}

TEST(Integrity, FoldersAndListedFiles) {
  const TempFolder folder;
  const TinyDataset tiny(folder / "Dataset001_Tiny", 2);
  fs::remove_all(tiny.folder() / "labelsTr");
  EXPECT_TRUE(finds(tiny.folder(), {"- labelsTr there is no such folder", "case_0 labelsTr/case_0.nii.gz there is no",
                                    "case_1 labelsTr/case_1.nii.gz there is no"}));
  fs::remove_all(tiny.folder() / "imagesTr");
  EXPECT_TRUE(finds(tiny.folder(), {"- imagesTr there is no such folder", "- labelsTr there is no such folder"}));
  tiny.describe(R"({"labels": {"background": 0, "a": 1}, "file_ending": ".nii.gz", "channel_names": {"0": "CT"},
      "numTraining": 1, "dataset": {"x": {"images": ["p/x.nii.gz"], "label": "p/y.nii.gz"}}})");
  EXPECT_TRUE(finds(tiny.folder(), {"x p/x.nii.gz is not there", "x p/y.nii.gz there is no label map"}));
}

TEST(Integrity, ReferenceDatasets) {
  NNUNET_NEEDS_SHARED("data/Task23_TwoMR");
  NNUNET_NEEDS_SHARED("reference-v2/plan/real");
  const TempFolder folder;
  for (const char* const name : {"Dataset022_HeadCT", "Dataset024_HeadCTReorient", "Dataset025_TwoMRRegions",
                                 "Dataset027_ShapesRGB", "Dataset028_ExplicitPaths"})
    EXPECT_TRUE(finds(test::build_reference_dataset(name, folder.path()), {})) << name;
  EXPECT_TRUE(finds(test::shared_dir() / "data/Task23_TwoMR", {}));
}

TEST(DatasetLabels, AreTheirs) {
  NNUNET_NEEDS_SHARED("reference-v2/plan/functions.json");
  for (const Json& entry : read_python_json(test::shared_dir() / "reference-v2/plan/functions.json")["labels"]) {
    SCOPED_TRACE(entry.dump());
    Json dataset{{"labels", entry["labels"]}, {"file_ending", ".nii.gz"}};
    if (!entry["regions_class_order"].is_null()) dataset["regions_class_order"] = entry["regions_class_order"];
    const DatasetLabels labels = dataset_labels(dataset, "d");
    EXPECT_EQ(labels.has_regions, entry["has_regions"].get<bool>());
    EXPECT_EQ(labels.ignore ? Json(*labels.ignore) : Json(), entry["ignore_label"]);
    EXPECT_EQ(Json(labels.all_labels), entry["all_labels"]);
    EXPECT_EQ(Json(labels.foreground_labels), entry["foreground_labels"]);
    EXPECT_EQ(labels.heads(), entry["heads"].get<int>());
    if (entry["regions"].is_null()) continue;
    Json regions = Json::array();
    for (const LabelOrRegion& each : labels.foreground)
      regions.push_back(each.region ? Json(each.values) : Json(each.values.at(0)));
    EXPECT_EQ(regions, entry["regions"]);
  }
}

TEST(DatasetLabels, BackgroundIsZeroAndIgnoreFollowsTheOthers) {
  for (const char* const bad :
       {R"({"background": 1, "a": 0})", R"({"background": [0], "a": 1})", R"({"background": 0, "a": 1, "ignore": 3})",
        R"({"background": 0, "a": 1, "ignore": 1})", R"({"background": 0, "a": 1, "ignore": [2]})"}) {
    const Json dataset{{"labels", Json::parse(bad)}, {"file_ending", ".nii.gz"}};
    EXPECT_THROW(dataset_labels(dataset, "d"), Error) << bad;
  }
}

TEST(RawDataset, CasesByTheirNames) {
  const TempFolder folder;
  const TinyDataset tiny(folder / "Dataset001_Tiny", 2);
  fs::copy_file(tiny.image("case_1"), tiny.folder() / "imagesTr/case_1_0001.nii.gz");
  test::write(tiny.folder() / "imagesTr/notes.txt", "");
  test::write(tiny.folder() / "imagesTr/odd_00x1.nii.gz", "");
  test::write(tiny.folder() / "imagesTr/._case_1_0000.nii.gz", "of another program");
  const auto cases = training_cases(tiny.folder());
  ASSERT_EQ(cases.size(), 3U);
  EXPECT_EQ(cases[1].name, "case_1");
  EXPECT_EQ(cases[1].images.size(), 2U);
  EXPECT_EQ(cases[2].name, "odd");
  EXPECT_TRUE(cases[2].images.empty());
  fs::remove_all(tiny.folder() / "imagesTr");
  EXPECT_THROW(training_cases(tiny.folder()), Error);
}

TEST(RawDataset, ListedCasesKeepTheirOrderAndVariables) {
  const TempFolder folder;
  const TinyDataset tiny(folder / "Dataset001_Tiny", 0);
  ::setenv("NNUNET_TEST_IMAGES", "/elsewhere", 1);
  tiny.describe(R"({"file_ending": ".nii.gz", "dataset": {
      "b": {"images": ["$NNUNET_TEST_IMAGES/b.nii.gz", "${NNUNET_TEST_IMAGES}/c.nii.gz"], "label": "l/b.nii.gz"},
      "a": {"images": ["x/$NNUNET_TEST_ABSENT.nii.gz"], "label": "l/a.nii.gz"}}})");
  const auto cases = training_cases(tiny.folder());
  ::unsetenv("NNUNET_TEST_IMAGES");
  ASSERT_EQ(cases.size(), 2U);
  EXPECT_EQ(cases[0].name, "b");
  EXPECT_EQ(cases[0].images, (std::vector<fs::path>{"/elsewhere/b.nii.gz", "/elsewhere/c.nii.gz"}));
  EXPECT_EQ(cases[0].label, tiny.folder() / "l/b.nii.gz");
  EXPECT_EQ(cases[1].images.at(0), tiny.folder() / "x/$NNUNET_TEST_ABSENT.nii.gz");
}

TEST(RawDataset, Readers) {
  log::set_quiet(true);
  const auto reader = [](const char* json) { return dataset_reader(Json::parse(json), "d"); };
  EXPECT_EQ(reader(R"({"file_ending": ".nii.gz"})"), ImageReader::simple_itk);
  EXPECT_EQ(reader(R"({"file_ending": ".nii.gz", "overwrite_image_reader_writer": "NibabelIO"})"),
            ImageReader::nibabel);
  EXPECT_EQ(reader(R"({"file_ending": ".NII.GZ", "overwrite_image_reader_writer": "None"})"), ImageReader::simple_itk);
  EXPECT_EQ(reader(R"({"file_ending": ".png", "overwrite_image_reader_writer": "MyIO"})"),
            ImageReader::natural_image_2d);
  EXPECT_THROW(reader(R"({"file_ending": ".xyz"})"), Error);
  EXPECT_THROW(reader("{}"), Error);
}

/// nnU-Net's three folders.
class Conversion : public testing::Test {
 protected:
  void SetUp() override {
    log::set_quiet(true);
    fs::create_directories(raw_);
    ::setenv("nnUNet_raw", raw_.c_str(), 1);
    for (const char* const variable : {"nnUNet_preprocessed", "nnUNet_results"}) ::unsetenv(variable);
  }
  void TearDown() override { ::unsetenv("nnUNet_raw"); }

  /// A folder of the Decathlon with a 3D and a 4D image.
  fs::path decathlon() const {
    const fs::path folder = folder_ / "Task07_Organ";
    for (const char* const part : {"imagesTr", "imagesTs", "labelsTr"}) fs::create_directories(folder / part);
    write_image(folder / "imagesTr/a.nii.gz", test::small_image({4, 6, 5}));
    write_image(folder / "imagesTr/b.nii.gz", test::small_image({3, 6, 5}, 2));
    write_image(folder / "imagesTs/c.nii.gz", test::small_image({5, 6, 5}, 2));
    test::write(folder / "imagesTr/._a.nii.gz", "of another system");
    for (const auto& [name, depth] : {std::pair{"a", 4}, std::pair{"b", 3}})
      write_label_file(folder / fmt::format("labelsTr/{}.nii.gz", name),
                       test::labelled(test::speckles({depth, 6, 5}, 1, 0.5, 1)));
    test::write(folder / "dataset.json", R"({"name": "Organ", "modality": {"0": "T1", "1": "T2"},
        "labels": {"0": "background", "1": "organ"}, "numTraining": 2, "numTest": 1,
        "training": [{"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}], "test": ["./imagesTs/c.nii.gz"]})");
    return folder;
  }
  static std::set<std::string> files_in(const fs::path& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.is_regular_file()) names.insert(fs::relative(entry.path(), folder).string());
    return names;
  }

  TempFolder folder_;
  fs::path raw_ = folder_ / "raw";
};

TEST_F(Conversion, OfTheDecathlon) {
  const fs::path from = decathlon();
  const auto before = files_in(from);
  EXPECT_EQ(convert_decathlon((from / "").string(), std::nullopt, 2), "Dataset007_Organ");
  const fs::path made = raw_ / "Dataset007_Organ";
  EXPECT_EQ(files_in(made),
            (std::set<std::string>{"dataset.json", "imagesTr/a_0000.nii.gz", "imagesTr/b_0000.nii.gz",
                                   "imagesTr/b_0001.nii.gz", "imagesTs/c_0000.nii.gz", "imagesTs/c_0001.nii.gz",
                                   "labelsTr/a.nii.gz", "labelsTr/b.nii.gz"}));
  EXPECT_EQ(test::content(made / "imagesTr/a_0000.nii.gz"), test::content(from / "imagesTr/a.nii.gz"));
  const Image both = read_image_file(from / "imagesTr/b.nii.gz");
  for (const std::int64_t c : {0, 1}) {
    const Image one = read_image_file(made / fmt::format("imagesTr/b_{:04}.nii.gz", c));
    EXPECT_EQ(one.voxels.shape, (std::vector<std::int64_t>{1, 3, 6, 5}));
    EXPECT_TRUE(std::ranges::equal(one.voxels.values, both.voxels.slab(c)));
    EXPECT_EQ(affine_difference(one.geometry, both.geometry), 0);
  }
  // The order of keys is nnU-Net's, too.
  EXPECT_EQ(read_python_json(made / "dataset.json").dump(),
            R"({"name":"Organ","labels":{"background":0,"organ":1},"numTraining":2,"numTest":1,)"
            R"("file_ending":".nii.gz","channel_names":{"0":"T1","1":"T2"}})");
  EXPECT_EQ(files_in(from), before);
}

TEST_F(Conversion, NumbersThatAreTaken) {
  const fs::path from = decathlon();
  fs::create_directories(folder_ / "results/Dataset007_Other");
  ::setenv("nnUNet_results", (folder_ / "results").c_str(), 1);
  EXPECT_THROW(convert_decathlon(from, std::nullopt, 1), Error);
  EXPECT_EQ(convert_decathlon(from, 8, 1), "Dataset008_Organ");
  EXPECT_THROW(convert_decathlon(from, 8, 1), Error);
  EXPECT_THROW(convert_decathlon(from, 1000, 1), Error);
  ::unsetenv("nnUNet_results");
}

TEST_F(Conversion, LeavesNothingHalfDone) {
  const fs::path from = decathlon();
  test::write(from / "imagesTr/d.nii.gz", "no image");
  EXPECT_THROW(convert_decathlon(from, std::nullopt, 2), Error);
  EXPECT_TRUE(fs::is_empty(raw_));
  fs::remove(from / "imagesTr/d.nii.gz");
  test::write(from / "dataset.json", R"({"labels": {"0": "background"}})");
  EXPECT_THROW(convert_decathlon(from, std::nullopt, 2), Error);
  EXPECT_TRUE(fs::is_empty(raw_));
  fs::remove_all(from / "imagesTs");
  EXPECT_THROW(convert_decathlon(from, std::nullopt, 2), Error);
  EXPECT_THROW(convert_decathlon(folder_ / "absent", std::nullopt, 2), Error);
  fs::create_directories(raw_ / ".Dataset007_Organ.tmp.00000000.1.1");  // of another machine: not ours to remove
  EXPECT_EQ(convert_decathlon(decathlon(), std::nullopt, 2), "Dataset007_Organ");
  EXPECT_TRUE(fs::exists(raw_ / ".Dataset007_Organ.tmp.00000000.1.1"));
}

TEST_F(Conversion, ADecathlonFolderIsTakenDirectly) {
  const fs::path from = decathlon();
  fs::remove(from / "imagesTr/a.nii.gz");  // of one channel
  const RawDataset direct = read_raw_dataset(from);
  ASSERT_EQ(direct.cases.size(), 1U);
  EXPECT_EQ(direct.cases[0].images, std::vector<fs::path>{from / "imagesTr/b.nii.gz"});
  EXPECT_EQ(channel_count(direct.description, "d"), 2U);
  EXPECT_EQ(direct.description["labels"]["organ"], 1);
  EXPECT_EQ(dataset_name(from.string()), "Dataset007_Organ");
  EXPECT_EQ(raw_dataset_folder(from.string()), from);
  EXPECT_EQ(dataset_name("Task07_Organ"), "Dataset007_Organ");
  EXPECT_EQ(raw_dataset_folder("Task07_Organ"), raw_ / "Task07_Organ");
  EXPECT_EQ(dataset_name((raw_ / "Dataset009_X/").string()), "Dataset009_X");
  EXPECT_EQ(raw_dataset_folder("Dataset009_X"), raw_ / "Dataset009_X");
  EXPECT_THROW(dataset_name((folder_ / "Organ").string()), Error);
}

TEST_F(Conversion, OfNnunetV1) {
  const fs::path from = folder_ / "Task008_Old";
  const TinyDataset tiny(from, 2);
  test::write(from / "imagesTs/t_0000.nii.gz", "a test image");
  test::write(from / "other/notes.txt", "not copied");
  tiny.describe(R"({"name": "Old", "tensorImageSize": "4D", "modality": {"0": "CT"}, "labels": {"0": "background",
      "1": "a", "2": "b"}, "numTraining": 2, "numTest": 1, "training": [], "test": [], "licence": "free"})");
  EXPECT_THROW(read_raw_dataset(from), Error);  // to be converted
  convert_nnunet_v1(from, "Dataset108_Old", 2);
  const fs::path made = raw_ / "Dataset108_Old";
  EXPECT_EQ(files_in(made),
            (std::set<std::string>{"dataset.json", "imagesTr/case_0_0000.nii.gz", "imagesTr/case_1_0000.nii.gz",
                                   "imagesTs/t_0000.nii.gz", "labelsTr/case_0.nii.gz", "labelsTr/case_1.nii.gz"}));
  EXPECT_EQ(read_python_json(made / "dataset.json").dump(),
            R"({"name":"Old","labels":{"background":0,"a":1,"b":2},"numTraining":2,"licence":"free",)"
            R"("channel_names":{"0":"CT"},"file_ending":".nii.gz"})");
  EXPECT_TRUE(finds(made, {}));
  EXPECT_THROW(convert_nnunet_v1(from, "Dataset108_Old", 2), Error);
  EXPECT_THROW(convert_nnunet_v1(from, "Dataset108_New", 2), Error);  // the number is taken
  for (const char* const name : {"Old", "Dataset8_Old", "Dataset009_", "Dataset009_a/b"})
    EXPECT_THROW(convert_nnunet_v1(from, name, 2), Error) << name;
  EXPECT_THROW(convert_nnunet_v1(decathlon(), "Dataset009_Organ", 2), Error);
}

TEST(SplitChannels, KeepsWhatIsStored) {
  const TempFolder folder;
  const Image image = test::small_image({3, 4, 5}, 3);
  write_image(folder / "a.nii", image);
  int seen = 0;
  split_channels(folder / "a.nii", [&](std::int64_t c, std::span<const std::byte> nifti) {
    EXPECT_EQ(c, seen++);
    const Image one = read_nifti(nifti, "one");
    EXPECT_TRUE(std::ranges::equal(one.voxels.values, image.voxels.slab(c)));
    EXPECT_EQ(one.geometry.spacing, image.geometry.spacing);
    EXPECT_EQ(nifti.size(), 352U + 4U * 60U);
  });
  EXPECT_EQ(seen, 3);
}

}  // namespace
}  // namespace nnunet::v2
