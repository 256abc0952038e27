#include <gtest/gtest.h>

#include <cmath>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/nifti.h"
#include "nnunet/plan/fingerprint.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

TEST(TargetSpacing, IsTheMedian) {
  EXPECT_EQ(target_spacing({{1, 2, 2}, {3, 1, 1}, {2, 1.5, 3}}), (Spacing3{2, 1.5, 2}));
  EXPECT_EQ(target_spacing({{1, 1, 1}, {2, 2, 1}}), (Spacing3{1.5, 1.5, 1}));
  EXPECT_THROW(target_spacing({}), Error);
}

TEST(TargetSpacing, CoarsestAxisOfAnisotropicDataTakesThe10thPercentile) {
  const Spacing3 got = target_spacing({{5, 1, 1}, {2, 1, 1}, {4, 1, 1}, {6, 1, 1}});  // sorted 2 4 5 6, position 0.3
  EXPECT_DOUBLE_EQ(got[0], 2.6);
  EXPECT_EQ(got[1], 1);
  EXPECT_EQ(target_spacing({{1, 1, 3}, {1, 1, 3}})[2], 3);
}

// Expected: numpy's percentile, mean and std of the same values.
TEST(IntensityCounts, AgreesWithNumpy) {
  const std::vector<float> image{1.5F, 2, 99, 3, 7, 11.25F, -4, 0.1F, -500.5F};
  const std::vector<std::uint8_t> label{1, 2, 0, 1, 1, 3, 1, 1, 0};
  IntensityCounts counts;
  counts.add(image, label);
  EXPECT_EQ(counts.count(), 7);
  const CtStats stats = counts.stats();
  EXPECT_NEAR(stats.min, -3.877, 1e-6);
  EXPECT_NEAR(stats.max, 11.1225, 1e-6);
  EXPECT_NEAR(stats.mean, 2.9785714285714286, 1e-6);
  EXPECT_NEAR(stats.std, 4.546887251017931, 1e-6);
}

TEST(IntensityCounts, MergedPartsAreTheWhole) {
  std::vector<float> image;
  for (int i = 0; i < 5000; ++i)
    image.push_back(static_cast<float>(std::floor(3000 * std::sin(i))) / static_cast<float>(1 + i % 4) +
                    (i % 50 == 0 ? 1e6F : 0.0F));
  const std::vector<std::uint8_t> label(image.size(), 1);
  IntensityCounts whole, a, b;
  whole.add(image, label);
  const std::span<const float> all(image);
  a.add(all.first(1234), std::span(label).first(1234));
  b.add(all.subspan(1234), std::span(label).subspan(1234));
  b.merge(a);
  const CtStats x = whole.stats(), y = b.stats();
  EXPECT_EQ(x.min, y.min);
  EXPECT_EQ(x.max, y.max);
  EXPECT_EQ(x.mean, y.mean);
  EXPECT_EQ(x.std, y.std);
  std::vector<double> sorted(image.begin(), image.end());
  std::sort(sorted.begin(), sorted.end());
  EXPECT_DOUBLE_EQ(x.min, percentile(sorted, 0.5));
  EXPECT_DOUBLE_EQ(x.max, percentile(sorted, 99.5));
}

TEST(IntensityCounts, NothingToCount) {
  IntensityCounts counts;
  EXPECT_THROW(counts.stats(), Error);
  counts.add(std::vector<float>{5, 5}, std::vector<std::uint8_t>{1, 1});
  EXPECT_THROW(counts.stats(), Error);
}

TEST(Fingerprint, LeavesOutWhatCannotBeRead) {
  log::set_quiet(true);
  const test::TempFolder folder;
  Dataset dataset;
  dataset.folder = folder.path();
  dataset.modality = {"CT"};
  dataset.labels = {"background", "organ"};
  EXPECT_THROW(collect_fingerprint(dataset, false, 1), Error);
  for (const char* name : {"a", "b"}) {
    dataset.training.push_back(
        {name, folder / (std::string(name) + ".nii.gz"), folder / (std::string(name) + "_label.nii.gz")});
  }
  EXPECT_THROW(collect_fingerprint(dataset, false, 1), Error);
  Image image;
  image.voxels = Array<float>({1, 2, 3, 4});
  for (std::size_t i = 0; i < 24; ++i) image.voxels.values[i] = static_cast<float>(i);
  image.geometry.shape = {2, 3, 4};
  image.geometry.spacing = {1.5, 1, 2};
  image.geometry.affine = {{{2, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1.5, 0}, {0, 0, 0, 1}}};
  write_image(dataset.training[1].image, image);
  EXPECT_EQ(collect_fingerprint(dataset, false, 2).spacing, (Spacing3{1.5, 1, 2}));
  EXPECT_THROW(collect_fingerprint(dataset, true, 2), Error);
  LabelMap label;
  label.voxels = Array<std::uint8_t>({2, 3, 4}, 1);
  label.geometry = image.geometry;
  write_label_map(*dataset.training[1].label, label);
  int done = 0;
  const Fingerprint found = collect_fingerprint(dataset, true, 1, [&] { ++done; });
  EXPECT_EQ(done, 2);
  ASSERT_TRUE(found.ct);
  EXPECT_NEAR(found.ct->mean, 11.5, 1e-12);
}

}  // namespace
}  // namespace nnunet
