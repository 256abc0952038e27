#include <gtest/gtest.h>

#include <algorithm>

#include "../../src/benchmark/benchmark_data.h"
#include "nnunet/core/error.h"

namespace nnunet {
namespace {

BenchmarkOptions options(int dim, std::vector<std::int64_t> patch) {
  BenchmarkOptions o;
  o.train.cases.data = "/nowhere";
  o.train.cases.dim = dim;
  o.patch_size = std::move(patch);
  o.in_channels = 2;
  o.n_class = 3;
  o.cases = 3;
  o.train.batch_size = 4;
  return o;
}

TEST(BenchmarkData, TaskOfTheTableOrOwnShape) {
  BenchmarkOptions o;
  o.train.cases.task = "5";
  const DataConfig task = synthetic_config(o);
  EXPECT_EQ(task.patch_size, (std::vector<std::int64_t>{20, 320, 256}));
  EXPECT_EQ(task.spacings, (std::vector<double>{3.6, 0.62, 0.62}));
  EXPECT_EQ(task.in_channels, 2);
  EXPECT_EQ(task.n_class, 3);
  o.train.cases.dim = 2;
  EXPECT_EQ(synthetic_config(o).patch_size, (std::vector<std::int64_t>{320, 320}));
  EXPECT_EQ(synthetic_config(o).spacings, (std::vector<double>{0.62, 0.62}));
  o.patch_size = {16, 16, 16};
  EXPECT_THROW(synthetic_config(o), Error);
  o.train.cases.task = "77";
  o.patch_size = {};
  EXPECT_THROW(synthetic_config(o), Error);
}

// Batches of the asked size in 3D and 2D, with every class, of cases that are repeated.
TEST(BenchmarkData, RandomVolumesFillTheBatches) {
  for (const int dim : {3, 2}) {
    auto o = options(dim, dim == 3 ? std::vector<std::int64_t>{16, 24, 16} : std::vector<std::int64_t>{24, 16});
    const BenchmarkData data(o);
    LoaderOptions loading;
    loading.patch_size = o.patch_size;
    loading.batch_size = o.train.batch_size;
    loading.augmentation.clear();
    loading.num_workers = 1;
    const auto loader = data.loader(loading, {.centred = true}, 5);
    EXPECT_EQ(loader->batches_per_epoch(), 5);
    loader->start_epoch(0);
    Batch batch;
    std::int64_t batches = 0;
    for (; loader->next(batch); ++batches) {
      std::vector<std::int64_t> shape{4, 2};
      shape.insert(shape.end(), o.patch_size.begin(), o.patch_size.end());
      EXPECT_EQ(batch.image_shape, shape);
      const auto voxels = Array<std::uint8_t>::count(batch.label_shape);
      EXPECT_EQ(*std::max_element(batch.label.get(), batch.label.get() + voxels), 2);
      EXPECT_EQ(*std::min_element(batch.label.get(), batch.label.get() + voxels), 0);
    }
    EXPECT_EQ(batches, 5);
  }
}

TEST(BenchmarkData, WithoutSyntheticDataTheTaskMustBeThere) {
  auto o = options(3, {});
  o.synthetic = false;
  EXPECT_THROW(BenchmarkData{o}, Error);
}

}  // namespace
}  // namespace nnunet
