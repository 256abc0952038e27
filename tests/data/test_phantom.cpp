#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <functional>

#include "nnunet/core/error.h"
#include "nnunet/data/phantom.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/dataset.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

struct ClassStatistics {
  double voxels = 0, mean = 0;
};

std::array<ClassStatistics, 4> statistics(const PhantomCase& made) {
  std::array<ClassStatistics, 4> classes{};
  for (std::size_t i = 0; i < made.label.voxels.values.size(); ++i) {
    auto& c = classes.at(made.label.voxels.values[i]);
    ++c.voxels;
    c.mean += static_cast<double>(made.image.voxels.values[i]);
  }
  for (auto& c : classes) c.mean /= c.voxels;
  return classes;
}

TEST(Phantom, OrgansAreSmallAndDiffer) {
  for (std::uint32_t number = 0; number < 4; ++number) {
    const PhantomCase made = make_phantom_case(1, number);
    const auto classes = statistics(made);
    const auto all = static_cast<double>(volume(made.image.geometry.shape));
    double guess = 0;  // mean Dice of the constant guesses, an upper bound for an untrained network
    for (std::size_t c = 1; c < 4; ++c) {
      EXPECT_GT(classes[c].voxels, 300) << number << " class " << c;
      guess += 2 * classes[c].voxels / (all + classes[c].voxels) / 3;
    }
    EXPECT_LT(guess, 0.06);
    EXPECT_GT(classes[1].voxels, 1.5 * classes[2].voxels);
    EXPECT_GT(classes[1].mean, 1.2 * classes[0].mean);
    EXPECT_GT(classes[2].mean, 1.15 * classes[1].mean);
    EXPECT_GT(classes[3].mean, 1.15 * classes[1].mean);
  }
}

TEST(Phantom, GridsVary) {
  const PhantomCase a = make_phantom_case(1, 0), b = make_phantom_case(1, 1);
  EXPECT_NE(a.image.geometry.spacing, b.image.geometry.spacing);
  for (const PhantomCase* made : {&a, &b}) {
    const auto& geometry = made->image.geometry;
    const Shape3 least = {36, 52, 36}, most = {44, 60, 44};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      EXPECT_GE(geometry.shape[axis], least[axis]);
      EXPECT_LE(geometry.shape[axis], most[axis]);
    }
    EXPECT_EQ(made->label.geometry.shape, geometry.shape);
  }
}

TEST(Phantom, SameSeedSameVoxels) {
  EXPECT_EQ(make_phantom_case(3, 2).image.voxels.values, make_phantom_case(3, 2).image.voxels.values);
  EXPECT_NE(make_phantom_case(3, 2).image.voxels.values, make_phantom_case(4, 2).image.voxels.values);
  EXPECT_NE(make_phantom_case(3, 2).image.voxels.values, make_phantom_case(3, 1).image.voxels.values);
}

TEST(Phantom, IsADatasetOfTheDecathlon) {
  const TempFolder temp;
  const PhantomOptions options{.output = temp.path(), .cases = 2, .test_cases = 1, .seed = 5, .threads = 2};
  const fs::path folder = write_phantom(options);
  EXPECT_EQ(folder, temp / "Task99_Phantom");
  const Dataset dataset = read_dataset(folder);
  EXPECT_EQ(dataset.training.size(), 2U);
  EXPECT_EQ(dataset.test.size(), 1U);
  EXPECT_EQ(dataset.n_class(), 4);
  EXPECT_FALSE(dataset.is_ct());
  for (const CaseFiles& files : dataset.training) {
    ASSERT_TRUE(files.label.has_value());
    const Image image = read_nifti(files.image);
    const LabelMap label = read_label_map(*files.label, dataset.n_class());
    EXPECT_EQ(image.geometry.shape, label.geometry.shape);
    EXPECT_LT(affine_difference(image.geometry, label.geometry), 1e-4);
  }
  const PhantomCase made = make_phantom_case(5, 2);
  EXPECT_EQ(read_nifti(dataset.test[0].image).voxels.values, made.image.voxels.values);
  const LabelMap held_out = read_label_map(folder / "labelsTs" / dataset.test[0].image.filename(), 4);
  EXPECT_EQ(held_out.voxels.values, made.label.voxels.values);
}

TEST(Phantom, RunAgainOnlyMakesWhatIsMissing) {
  const TempFolder temp;
  const PhantomOptions options{.output = temp.path(), .cases = 2, .test_cases = 0, .seed = 5, .threads = 1};
  const fs::path folder = write_phantom(options);
  const fs::path first = folder / "imagesTr/phantom_001.nii.gz", second = folder / "imagesTr/phantom_002.nii.gz";
  const auto before = fs::last_write_time(first);
  fs::remove(second);
  write_phantom(options);
  EXPECT_EQ(fs::last_write_time(first), before);
  EXPECT_TRUE(fs::exists(second));
}

TEST(Phantom, NeverTouchesOtherFolders) {
  const PhantomOptions small{.output = {}, .cases = 1, .test_cases = 0, .seed = 1, .threads = 1};
  const auto refused = [&](const std::function<void(const fs::path&)>& prepare, const std::string& reason) {
    const TempFolder temp;
    fs::create_directories(temp / "Task99_Phantom");
    prepare(temp / "Task99_Phantom");
    PhantomOptions options = small;
    options.output = temp.path();
    try {
      write_phantom(options);
      ADD_FAILURE() << reason;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
    }
    EXPECT_FALSE(fs::exists(temp / "Task99_Phantom/imagesTr"));
  };
  refused([](const fs::path& f) { write_text(f / "notes.txt", "mine"); }, "is no phantom");
  refused([](const fs::path& f) { write_text(f / "dataset.json", "{\"name\": \"Heart\"}"); }, "that is no phantom");
  refused([](const fs::path& f) { write_text(f / "dataset.json", "{broken"); }, "that is no phantom");
  refused([](const fs::path& f) { write_text(f / "dataset.json", "{\"phantom\": {\"seed\": 2}}"); }, "other options");
}

TEST(Phantom, BadOptions) {
  const TempFolder temp;
  EXPECT_THROW(write_phantom({.output = temp.path(), .cases = 0}), Error);
  EXPECT_THROW(write_phantom({.output = temp.path(), .cases = 1, .test_cases = -1}), Error);
  EXPECT_FALSE(fs::exists(temp / "Task99_Phantom"));
}

}  // namespace
}  // namespace nnunet
