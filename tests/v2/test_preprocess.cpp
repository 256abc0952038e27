#include "nnunet/v2/preprocess.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/image_file.h"
#include "nnunet/preprocess/class_locations.h"
#include "nnunet/v2/case_properties.h"
#include "nnunet/v2/python_json.h"
#include "reference/npz.h"
#include "reference/shared.h"
#include "tiny_v2_model.h"
#include "volumes.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::TempFolder;

constexpr auto same_voxel = [](const auto& a, const auto& b) { return std::ranges::equal(a, b); };

/// A raw dataset of three cases, with plans.
class V2Preprocessing : public ::testing::Test {
 protected:
  void SetUp() override {
    log::set_quiet(true);
    for (const char* name : {"one", "two", "three"}) write_case(name);
    test::write(options_.raw / "dataset.json", test::tiny_v2_dataset({}).dump());
    test::write(options_.preprocessed / "dataset.json", test::tiny_v2_dataset({}).dump());
    write_plans(plans());
    options_.configuration = "3d_fullres";
    options_.threads = 2;
    options_.progress = false;
  }

  /// A spacing that resamples the cases.
  static v2::Json plans() { return test::tiny_v2_plans({.spacing = {1.5, 1.2, 1}}); }
  void write_plans(const v2::Json& plans) const {
    test::write(options_.preprocessed / "nnUNetPlans.json", plans.dump());
  }
  void write_case(const std::string& name) const {
    const WideLabelMap label =
        test::labelled(test::speckles({9, 12, 11}, 2, 0.3, static_cast<std::uint32_t>(7 + name.size())));
    Image image;
    image.geometry = label.geometry;
    image.voxels = Array<float>({1, 9, 12, 11});
    for (std::size_t i = 0; i < image.voxels.values.size(); ++i)
      image.voxels.values[i] = static_cast<float>(std::sin(0.3 * static_cast<double>(i)) + label.voxels.values[i]);
    fs::create_directories(options_.raw / "labelsTr");
    write_image(options_.raw / "imagesTr" / (name + "_0000.nii.gz"), image);
    write_labels(name, label.voxels);
  }
  void write_labels(const std::string& name, const Array<std::uint16_t>& labels) const {
    WideLabelMap map = test::labelled(labels);
    write_label_file(options_.raw / "labelsTr" / (name + ".nii.gz"), map);
  }

  TempFolder folder_;
  fs::path store_ = folder_ / "preprocessed" / "nnUNetPlans_3d_fullres";
  v2::PreprocessingOptions options_{folder_ / "raw", folder_ / "preprocessed"};
};

TEST_F(V2Preprocessing, CasesThatTrainingReads) {
  const v2::PreprocessingReport report = preprocess_configuration(options_);
  EXPECT_EQ(report.made, 3);
  EXPECT_TRUE(report.failed.empty());
  EXPECT_EQ(report.folder, store_);
  EXPECT_GT(report.case_memory, 0);
  const CaseStore store(store_);
  EXPECT_EQ(store.names(), (std::vector<std::string>{"one", "three", "two"}));
  const V2Plan plan = read_v2_plan(v2::read_v2_files(options_.preprocessed, "nnUNetPlans"), "3d_fullres");
  v2::require_made_by(store, plan);

  // The same as the functions that it is made of.
  const Image image = read_image_file(options_.raw / "imagesTr" / "two_0000.nii.gz");
  const WideLabelMap label = read_label_file(options_.raw / "labelsTr" / "two.nii.gz");
  const PreprocessedCase expected = preprocess_case("two", image, label.voxels, plan.model.preprocess);
  const auto c = store.open("two");
  EXPECT_EQ(c->size(), expected.x.spatial());
  EXPECT_TRUE(std::equal(expected.x.values.begin(), expected.x.values.end(), c->image()));
  EXPECT_TRUE(std::equal(expected.label->values.begin(), expected.label->values.end(), c->label()));
  const auto locations = draw_class_locations(*expected.label, location_requests(plan.model.labels));
  ASSERT_EQ(c->requests(), 2U);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_TRUE(std::ranges::equal(c->locations(i), locations[i].voxels, same_voxel));

  const PythonValue properties = v2::case_properties(store, "two");
  EXPECT_EQ(properties.find("spacing")->as_doubles("spacing"), (std::vector<double>{2, 1, 1}));
  const auto& classes = std::get<PythonValue::Dict>(properties.find("class_locations")->data).entries;
  ASSERT_EQ(classes.size(), 2U);
  EXPECT_EQ(classes[1].first.as_int("label"), 2);
  const auto& rows = std::get<PythonValue::Array>(classes[1].second.data);
  EXPECT_EQ(rows.shape, (std::vector<std::int64_t>{static_cast<std::int64_t>(locations[1].voxels.size()), 4}));
  const PythonValue again = read_python_pickle(python_pickle(properties), "two.pkl");
  EXPECT_EQ(std::get<PythonValue::Array>(
                std::get<PythonValue::Dict>(again.find("class_locations")->data).entries[1].second.data)
                .bytes,
            rows.bytes);
}

TEST_F(V2Preprocessing, GoesOnWithWhatIsMissing) {
  preprocess_configuration(options_);
  const auto before = fs::last_write_time(store_ / "one_x.npy");
  fs::remove(store_ / "two_x.npy");
  const v2::PreprocessingReport report = preprocess_configuration(options_);
  EXPECT_EQ(report.made, 1);
  EXPECT_EQ(report.kept, 2);
  EXPECT_EQ(fs::last_write_time(store_ / "one_x.npy"), before);
  EXPECT_EQ(CaseStore(store_).names().size(), 3U);
}

TEST_F(V2Preprocessing, ChangedLabelIsMadeAnew) {
  preprocess_configuration(options_);
  write_labels("one", test::speckles({9, 12, 11}, 2, 0.5, 99));
  const v2::PreprocessingReport report = preprocess_configuration(options_);
  EXPECT_EQ(report.made, 1);
  EXPECT_EQ(report.kept, 2);
}

TEST_F(V2Preprocessing, OnlyWhatDecidesAboutTheVoxelsCounts) {
  preprocess_configuration(options_);
  v2::Json changed = plans();
  changed["configurations"]["3d_fullres"]["patch_size"] = {8, 8, 16};
  changed["configurations"]["3d_fullres"]["resampling_fn_probabilities_kwargs"]["order"] = 0;
  write_plans(changed);
  EXPECT_EQ(preprocess_configuration(options_).kept, 3);
  changed["configurations"]["3d_fullres"]["spacing"] = {2.5, 1, 1};
  write_plans(changed);
  const V2Plan plan = read_v2_plan(v2::read_v2_files(options_.preprocessed, "nnUNetPlans"), "3d_fullres");
  try {
    v2::require_made_by(CaseStore(store_), plan);
    ADD_FAILURE() << "cases of other plans were taken";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("spacing was [1.5,1.2,1.0], now [2.5,1.0,1.0]"), std::string::npos)
        << e.what();
  }
  EXPECT_EQ(preprocess_configuration(options_).made, 3);
  v2::require_made_by(CaseStore(store_), plan);
}

TEST_F(V2Preprocessing, ConfigurationsOfOneFolderNeedTheSameCases) {
  v2::Json more = plans();
  more["configurations"]["larger"] = {{"inherits_from", "3d_fullres"}, {"batch_size", 9}, {"patch_size", {8, 8, 16}}};
  more["configurations"]["coarse"] = {{"inherits_from", "3d_fullres"}, {"spacing", {3, 2, 2}}};
  write_plans(more);
  const V2Files files = v2::read_v2_files(options_.preprocessed, "nnUNetPlans");
  v2::require_own_stores(options_.preprocessed, files, {"3d_fullres", "larger"});
  v2::require_own_stores(options_.preprocessed, files, {"coarse"});
  try {
    v2::require_own_stores(options_.preprocessed, files, {"3d_fullres", "larger", "coarse"});
    ADD_FAILURE() << "coarse would replace the cases of 3d_fullres";
  } catch (const Error& e) {
    const std::string text = e.what();
    EXPECT_NE(text.find("3d_fullres and coarse share the data_identifier"), std::string::npos) << text;
    EXPECT_NE(text.find("spacing was [1.5,1.2,1.0], now [3.0,2.0,2.0]"), std::string::npos) << text;
  }
  more["configurations"]["coarse"]["data_identifier"] = "coarse";
  write_plans(more);
  v2::require_own_stores(options_.preprocessed, v2::read_v2_files(options_.preprocessed, "nnUNetPlans"),
                         {"3d_fullres", "coarse"});
}

TEST_F(V2Preprocessing, BadCasesDoNotStopTheOthers) {
  Array<std::uint16_t> labels = test::speckles({9, 12, 11}, 2, 0.5, 99);
  labels.values[5] = 3;  // not in dataset.json
  write_labels("one", labels);
  fs::resize_file(options_.raw / "imagesTr" / "three_0000.nii.gz", 100);
  const v2::PreprocessingReport report = preprocess_configuration(options_);
  EXPECT_EQ(report.made, 1);
  EXPECT_EQ(report.failed, (std::vector<std::string>{"one", "three"}));
  EXPECT_FALSE(fs::exists(store_ / "one_x.npy"));
  EXPECT_THROW(CaseStore{store_}, Error);
  write_case("one");
  write_case("three");
  EXPECT_EQ(preprocess_configuration(options_).made, 2);
  EXPECT_EQ(CaseStore(store_).names().size(), 3U);
}

TEST_F(V2Preprocessing, NothingCanBeStarted) {
  const auto message = [&] {
    try {
      preprocess_configuration(options_);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  options_.configuration = "3d_lowres";
  EXPECT_NE(message().find("3d_lowres"), std::string::npos) << message();
  options_.configuration = "3d_fullres";
  v2::Json changed = plans();
  changed["configurations"]["3d_fullres"]["data_identifier"] = "../elsewhere";
  write_plans(changed);
  EXPECT_NE(message().find("data_identifier"), std::string::npos) << message();
  options_.plans = "nnUNetOther";
  EXPECT_NE(message().find("nnUNetOther.json: is not there"), std::string::npos) << message();
}

TEST_F(V2Preprocessing, ReferencesAreCopiedWhenNewer) {
  EXPECT_EQ(v2::copy_references(options_.raw, options_.preprocessed), 0);
  const fs::path label = options_.raw / "labelsTr" / "two.nii.gz",
                 copy = options_.preprocessed / "gt_segmentations" / "two.nii.gz";
  EXPECT_EQ(test::content(copy), test::content(label));
  const auto made = fs::last_write_time(copy);
  write_labels("two", test::speckles({9, 12, 11}, 2, 0.5, 3));
  fs::last_write_time(label, made - std::chrono::hours(1));
  EXPECT_EQ(v2::copy_references(options_.raw, options_.preprocessed), 0);
  EXPECT_NE(test::content(copy), test::content(label));
  fs::last_write_time(label, made + std::chrono::hours(1));
  fs::remove(options_.raw / "labelsTr" / "three.nii.gz");
  EXPECT_EQ(v2::copy_references(options_.raw, options_.preprocessed), 1);
  EXPECT_EQ(test::content(copy), test::content(label));
}

/// A dataset of the references whose reader does more than NIfTI files need.
struct Reference {
  std::string dataset, configuration;
};

class V2PreprocessingReference : public ::testing::TestWithParam<Reference> {};

/// The raw dataset: pictures as they lie there, the others as links to the images that they were made of.
fs::path raw_dataset(const std::string& dataset, const fs::path& folder) {
  const fs::path shared = test::shared_dir(), real = shared / "reference-v2/plan/real" / dataset;
  if (dataset == "Dataset027_ShapesRGB") return shared / "reference-v2/raw" / dataset;
  const json description = json::parse(std::ifstream(real / "dataset.json"));
  fs::create_directories(folder);
  fs::copy_file(real / "dataset.json", folder / "dataset.json");
  const auto link = [&](const fs::path& file, const fs::path& at) {
    fs::create_directories((folder / at).parent_path());
    fs::create_symlink(shared / "data" / file, folder / at);
  };
  if (!description.contains("dataset")) {
    for (const char* const name : {"head_0", "head_1", "head_2"}) {
      link(fmt::format("Task22_HeadCT/imagesTr/{}.nii.gz", name), fmt::format("imagesTr/{}_0000.nii.gz", name));
      link(fmt::format("Task22_HeadCT/labelsTr/{}.nii.gz", name), fmt::format("labelsTr/{}.nii.gz", name));
    }
    return folder;
  }
  for (const auto& [name, files] : description["dataset"].items()) {
    const std::string original = fmt::format("hippocampus_{}.nii.gz", name.substr(name.size() - 3));
    link(fs::path("Task04_Hippocampus/imagesTr") / original, files["images"][0].get<std::string>());
    link(fs::path("Task04_Hippocampus/labelsTr") / original, files["label"].get<std::string>());
  }
  return folder;
}

void compare_image(const StoredCase& c, const test::Npz& npz) {
  const auto shape = npz.load<std::int64_t>("shape").values;
  const Shape3 s = c.size();
  ASSERT_EQ(shape, (std::vector<std::int64_t>{c.channels(), s[0], s[1], s[2]}));
  const auto stride = npz.scalar<std::int64_t>("stride");
  const auto expected = npz.load<float>("data").values;
  double worst = 0;
  std::size_t i = 0;
  for (std::int64_t channel = 0; channel < shape[0]; ++channel)
    for (std::int64_t z = 0; z < s[0]; z += stride)
      for (std::int64_t y = 0; y < s[1]; y += stride)
        for (std::int64_t x = 0; x < s[2]; x += stride)
          worst =
              std::max(worst, std::abs(static_cast<double>(c.image()[((channel * s[0] + z) * s[1] + y) * s[2] + x]) -
                                       static_cast<double>(expected.at(i++))));
  EXPECT_EQ(i, expected.size());
  EXPECT_LE(worst, 1e-3);
}

void compare_stored(const CaseStore& store, const fs::path& npz_path) {
  SCOPED_TRACE(npz_path.string());
  const std::string name = npz_path.stem().string();
  const test::Npz npz(npz_path);
  const auto c = store.open(name);
  compare_image(*c, npz);
  const auto seg = npz.load<std::int16_t>("seg").values;
  ASSERT_EQ(static_cast<std::int64_t>(seg.size()), volume(c->size()));
  EXPECT_TRUE(std::equal(seg.begin(), seg.end(), c->label()));
  const json expected = json::parse(std::ifstream(fs::path(npz_path).replace_extension(".json")));
  const StoredOrigin origin = store.origin(name);
  EXPECT_EQ(json(origin.grid.original), expected.at("shape_before_cropping"));
  EXPECT_EQ(json(origin.grid.cropped()), expected.at("shape_after_cropping_and_before_resampling"));
  EXPECT_EQ(json(origin.reader.spacing), expected.at("spacing"));
  ASSERT_EQ(c->requests(), expected.at("class_locations").size());
  for (std::size_t i = 0; i < c->requests(); ++i) {
    json first = json::array();
    for (const auto& [z, y, x] : c->locations(i))
      if (first.size() < 5) first.push_back({0, z, y, x});
    const json& locations = expected.at("class_locations").at(fmt::format("{}", fmt::join(c->request_labels(i), ",")));
    EXPECT_EQ(json(c->locations(i).size()), locations.at("count"));
    EXPECT_EQ(first, locations.at("first"));
  }
}

TEST_P(V2PreprocessingReference, StoreHoldsWhatNnunetMade) {
  const auto& [dataset, configuration] = GetParam();
  NNUNET_NEEDS_SHARED("reference-v2/plan/preprocessed/" + dataset);
  log::set_quiet(true);
  const TempFolder folder;
  const fs::path plan_folder = test::shared_dir() / "reference-v2/plan";
  v2::PreprocessingOptions options{raw_dataset(dataset, folder / "raw"), folder / "preprocessed"};
  options.configuration = configuration;
  options.progress = false;
  fs::create_directories(options.preprocessed);
  for (const char* const file : {"dataset.json", "nnUNetPlans.json"})
    fs::copy_file(plan_folder / "real" / dataset / file, options.preprocessed / file);
  const v2::PreprocessingReport report = preprocess_configuration(options);
  EXPECT_TRUE(report.failed.empty());
  const CaseStore store(report.folder);
  int cases = 0;
  for (const auto& entry :
       fs::directory_iterator(plan_folder / "preprocessed" / dataset / ("nnUNetPlans_" + configuration))) {
    if (entry.path().extension() != ".npz") continue;
    compare_stored(store, entry.path());
    ++cases;
  }
  EXPECT_GT(cases, 1);
}

INSTANTIATE_TEST_SUITE_P(Datasets, V2PreprocessingReference,
                         testing::Values(Reference{"Dataset024_HeadCTReorient", "3d_fullres"},
                                         Reference{"Dataset027_ShapesRGB", "2d"},
                                         Reference{"Dataset028_ExplicitPaths", "3d_fullres"}),
                         [](const auto& param) { return param.param.dataset; });

}  // namespace
}  // namespace nnunet
