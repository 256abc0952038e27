#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/nifti.h"
#include "nnunet/plan/fingerprint.h"
#include "nnunet/plan/intensity.h"
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

// Both passes over one part, or over two that are merged.
IntensityCounts counted(const std::vector<std::span<const float>>& images,
                        const std::vector<std::span<const std::uint8_t>>& labels) {
  IntensityCounts all;
  for (std::size_t i = 0; i < images.size(); ++i) {
    IntensityCounts part;
    part.add(images[i], labels[i]);
    all.merge(part);
  }
  if (!all.needs_second_pass()) return all;
  const IntensityCounts fresh = all.second_pass_part();
  for (std::size_t i = 0; i < images.size(); ++i) {
    IntensityCounts part = fresh;
    part.add_again(images[i], labels[i]);
    all.merge(part);
  }
  return all;
}

// Expected: numpy's percentile, mean and std of the same values.
TEST(IntensityCounts, AgreesWithNumpy) {
  const std::vector<float> image{1.5F, 2, 99, 3, 7, 11.25F, -4, 0.1F, -500.5F};
  const std::vector<std::uint8_t> label{1, 2, 0, 1, 1, 3, 1, 1, 0};
  const IntensityCounts counts = counted({image}, {label});
  EXPECT_EQ(counts.count(), 7);
  const CtStats stats = counts.stats();
  EXPECT_NEAR(stats.min, -3.877, 1e-6);
  EXPECT_NEAR(stats.max, 11.1225, 1e-6);
  EXPECT_NEAR(stats.mean, 2.9785714285714286, 1e-6);
  EXPECT_NEAR(stats.std, 4.546887251017931, 1e-6);
}

// The plain way: all values in a list.
CtStats plain_stats(const std::vector<float>& image) {
  std::vector<double> sorted(image.begin(), image.end());
  std::sort(sorted.begin(), sorted.end());
  const auto n = static_cast<double>(sorted.size());
  double sum = 0, squares = 0;
  for (const double v : sorted) sum += v;
  for (const double v : sorted) squares += (v - sum / n) * (v - sum / n);
  return {percentile(sorted, 0.5), percentile(sorted, 99.5), sum / n, std::sqrt(squares / n)};
}

TEST(IntensityCounts, ExactForAnyValues) {
  std::vector<float> halves, floats, tiny;
  for (int i = 0; i < 5000; ++i) {
    halves.push_back(static_cast<float>(std::floor(3000 * std::sin(i))) / static_cast<float>(1 + i % 4) +
                     (i % 50 == 0 ? 1e6F : 0.0F));
    floats.push_back(-1000 + 1e-4F * static_cast<float>(i));  // all in a few buckets of negative values
    tiny.push_back(std::sin(static_cast<float>(i)) * (i % 2 == 0 ? 1e-40F : 1e30F));
  }
  for (const auto& image : {halves, floats, tiny}) {
    const std::vector<std::uint8_t> label(image.size(), 1);
    const CtStats got = counted({image}, {label}).stats(), expected = plain_stats(image);
    EXPECT_DOUBLE_EQ(got.min, expected.min);
    EXPECT_DOUBLE_EQ(got.max, expected.max);
    EXPECT_NEAR(got.mean, expected.mean, 1e-9 * expected.std);
    EXPECT_NEAR(got.std, expected.std, 1e-9 * expected.std);
  }
}

TEST(IntensityCounts, MergedPartsAreTheWholeInAnyOrder) {
  std::vector<float> image;
  for (int i = 0; i < 5000; ++i) image.push_back(1000 * std::sin(static_cast<float>(i)) + (i % 3 == 0 ? 0.0F : 0.5F));
  const std::vector<std::uint8_t> label(image.size(), 1);
  const std::span<const float> all(image);
  const std::span<const std::uint8_t> labels(label);
  const CtStats x = counted({all}, {labels}).stats();
  const CtStats y = counted({all.subspan(1234), all.first(1234)}, {labels.subspan(1234), labels.first(1234)}).stats();
  EXPECT_EQ(x.min, y.min);
  EXPECT_EQ(x.max, y.max);
  EXPECT_EQ(x.mean, y.mean);
  EXPECT_EQ(x.std, y.std);
}

TEST(IntensityCounts, WholeValuesNeedOnePass) {
  const std::vector<float> image{-1024, 3071, 5, 6, 65535};
  IntensityCounts counts;
  counts.add(image, std::vector<std::uint8_t>(5, 1));
  EXPECT_FALSE(counts.needs_second_pass());
  EXPECT_DOUBLE_EQ(counts.stats().max, plain_stats(image).max);
  counts.add(std::vector<float>{5.5F}, std::vector<std::uint8_t>{1});
  EXPECT_FALSE(counts.needs_second_pass());  // no percentile falls near it
  counts.add(std::vector<float>{1e5F}, std::vector<std::uint8_t>{1});
  EXPECT_THROW(counts.stats(), Error);
  EXPECT_TRUE(counts.needs_second_pass());
}

// Values that count several times are as many single ones.
TEST(IntensityCounts, ValuesWithTheirNumbers) {
  std::vector<float> values, all;
  std::vector<std::uint32_t> times;
  for (int i = 0; i < 3000; ++i) {
    values.push_back(i % 3 == 0 ? static_cast<float>(i) : 1000 * std::sin(static_cast<float>(i)));
    times.push_back(static_cast<std::uint32_t>(i * i % 7));
    all.insert(all.end(), times.back(), values.back());
  }
  IntensityCounts counts({0.5, 50, 99.5});
  counts.add(values, times);
  EXPECT_EQ(counts.count(), static_cast<std::int64_t>(all.size()));
  ASSERT_TRUE(counts.needs_second_pass());
  counts.add_again(values, times);
  const IntensitySummary got = counts.summary();
  const CtStats expected = plain_stats(all);
  std::ranges::sort(all);
  EXPECT_EQ(got.min, static_cast<double>(all.front()));
  EXPECT_EQ(got.max, static_cast<double>(all.back()));
  EXPECT_NEAR(got.mean, expected.mean, 1e-9 * expected.std);
  EXPECT_NEAR(got.std, expected.std, 1e-9 * expected.std);
  const std::vector<double> sorted(all.begin(), all.end());
  ASSERT_EQ(got.percentiles.size(), 3U);
  const std::array wanted{0.5, 50.0, 99.5};
  for (std::size_t q = 0; q < 3; ++q) EXPECT_NEAR(got.percentiles[q], percentile(sorted, wanted[q]), 1e-4);
}

TEST(IntensityCounts, ASummaryOfOneValue) {
  IntensityCounts counts({50});
  EXPECT_THROW(counts.summary(), Error);
  counts.add(std::vector<float>{7.25F}, std::vector<std::uint32_t>{5});
  EXPECT_TRUE(counts.needs_second_pass());
  EXPECT_THROW(counts.summary(), Error);
  counts.add_again(std::vector<float>{7.25F}, std::vector<std::uint32_t>{5});
  const IntensitySummary got = counts.summary();
  EXPECT_EQ(got.min, 7.25);
  EXPECT_EQ(got.max, 7.25);
  EXPECT_EQ(got.mean, 7.25);
  EXPECT_NEAR(got.std, 0, 1e-12);
  EXPECT_EQ(got.percentiles, std::vector<double>{7.25});
}

TEST(IntensityCounts, NothingToCount) {
  EXPECT_THROW(IntensityCounts().stats(), Error);
  for (const float v : {5.0F, 5.1F}) {
    const std::vector<float> image{v, v, v};
    const std::vector<std::uint8_t> label{1, 1, 1};
    EXPECT_THROW(counted({image}, {label}).stats(), Error);
  }
}

TEST(Fingerprint, LeavesOutWhatCannotBeRead) {
  log::set_quiet(true);
  const test::TempFolder folder;
  MemoryBudget memory(0);
  Dataset dataset;
  dataset.folder = folder.path();
  dataset.modality = {"CT"};
  dataset.labels = {"background", "organ"};
  EXPECT_THROW(collect_fingerprint(dataset, false, 1, memory), Error);
  for (const char* name : {"a", "b"}) {
    dataset.training.push_back(
        {name, folder / (std::string(name) + ".nii.gz"), folder / (std::string(name) + "_label.nii.gz")});
  }
  EXPECT_THROW(collect_fingerprint(dataset, false, 1, memory), Error);
  Image image;
  image.voxels = Array<float>({1, 2, 3, 4});
  for (std::size_t i = 0; i < 24; ++i) image.voxels.values[i] = static_cast<float>(i);
  image.geometry.shape = {2, 3, 4};
  image.geometry.spacing = {1.5, 1, 2};
  image.geometry.affine = {{{2, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1.5, 0}, {0, 0, 0, 1}}};
  write_image(dataset.training[1].image, image);
  EXPECT_EQ(collect_fingerprint(dataset, false, 2, memory).spacing, (Spacing3{1.5, 1, 2}));
  EXPECT_THROW(collect_fingerprint(dataset, true, 2, memory), Error);
  LabelMap label;
  label.voxels = Array<std::uint8_t>({2, 3, 4}, 1);
  label.geometry = image.geometry;
  write_label_map(*dataset.training[1].label, label);
  int done = 0;
  const Fingerprint found = collect_fingerprint(dataset, true, 1, memory, [&] { ++done; });
  EXPECT_EQ(done, 2);
  ASSERT_TRUE(found.ct);
  EXPECT_NEAR(found.ct->mean, 11.5, 1e-12);
}

}  // namespace
}  // namespace nnunet
