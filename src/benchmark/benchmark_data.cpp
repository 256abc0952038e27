#include "benchmark_data.h"

#include <fmt/format.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/parallel.h"
#include "nnunet/core/random.h"
#include "nnunet/data/split.h"
#include "nnunet/io/config.h"
#include "nnunet/io/npy.h"
#include "nnunet/plan/task.h"

namespace nnunet {

namespace {

constexpr std::int64_t kSyntheticBytes = std::int64_t{256} << 20;

// Blocks of 8 x 8 x 8 voxels, half of them background.
std::uint8_t synthetic_label(const Shape3& at, std::int64_t number, int n_class) {
  const auto block = (at[0] / 8 + at[1] / 8 + at[2] / 8 + number) % (2 * n_class);
  return static_cast<std::uint8_t>(block < n_class ? block : 0);
}

void write_volume(const std::filesystem::path& folder, const Shape3& size, const DataConfig& config,
                  std::int64_t number) {
  Array<float> x({config.in_channels, size[0], size[1], size[2]});
  CounterRng rng(1, 0, static_cast<std::uint32_t>(number));
  for (float& voxel : x.values) voxel = rng.uniform(-1.7F, 1.7F);  // the variance of normalised voxels
  Array<std::uint8_t> y({1, size[0], size[1], size[2]});
  std::size_t i = 0;
  for (std::int64_t d = 0; d < size[0]; ++d)
    for (std::int64_t h = 0; h < size[1]; ++h)
      for (std::int64_t w = 0; w < size[2]; ++w) y.values[i++] = synthetic_label({d, h, w}, number, config.n_class);
  write_npy(folder / fmt::format("random_{:03d}_x.npy", number), x);
  write_npy(folder / fmt::format("random_{:03d}_y.npy", number), y);
}

}  // namespace

DataConfig synthetic_config(const BenchmarkOptions& o) {
  const CaseSelection& selection = o.train.cases;
  const TaskDefaults* const task = selection.task.empty() ? nullptr : find_task(canonical_task(selection.task));
  if (task == nullptr && o.patch_size.empty())
    throw Error("--task " + selection.task, "random data need a patch size: the task is not one of 01 to 10",
                "give --patch_size, or --data with the preprocessed task");
  DataConfig config;
  config.task = selection.task;
  config.patch_size = o.patch_size;
  config.spacings.assign(static_cast<std::size_t>(selection.dim), 1.0);
  if (task != nullptr) {
    if (config.patch_size.empty() && selection.dim == 3)
      config.patch_size.assign(task->patch_3d.begin(), task->patch_3d.end());
    if (config.patch_size.empty()) config.patch_size.assign(task->patch_2d.begin(), task->patch_2d.end());
    config.spacings.assign(task->spacing.end() - selection.dim, task->spacing.end());
  }
  if (config.dim() != selection.dim)
    throw Error("--patch_size", fmt::format("{} sizes for --dim {}", config.dim(), selection.dim),
                "give D H W in 3D and H W in 2D");
  for (const auto size : config.patch_size)
    if (size < 1) throw Error("--patch_size", fmt::format("{} is not a size", size), "give numbers of voxels");
  config.in_channels = o.in_channels > 0 ? o.in_channels : task != nullptr ? task->channels : 1;
  config.n_class = o.n_class > 0 ? o.n_class : task != nullptr ? task->classes : 2;
  return config;
}

BenchmarkData::BenchmarkData(const BenchmarkOptions& o) {
  const CaseSelection& selection = o.train.cases;
  const bool absent = !PreprocessedFolder::exists(selection.data, selection.task, selection.dim);
  if (o.synthetic && (absent || o.describes_data())) {
    make_synthetic(o);
    log::info(
        absent ? fmt::format("no preprocessed task {} in {}: {}", selection.task, selection.data.string(), description_)
               : description_);
    return;
  }
  folder_ = std::make_unique<PreprocessedFolder>(selection.data, selection.task, selection.dim);
  cases_ = split_fold(*folder_, selection.nfolds, selection.fold).train;
  description_ = folder_->path().string();
}

void BenchmarkData::make_synthetic(const BenchmarkOptions& o) {
  const TrainOptions& training = o.train;
  const DataConfig config = synthetic_config(o);
  const auto& patch = config.patch_size;
  // 2D: each volume holds the slices that a batch takes of it.
  const std::int64_t batch = training.batch_size > 0 ? training.batch_size : 64;
  const Shape3 size = training.cases.dim == 3 ? Shape3{patch[0], patch[1], patch[2]}
                                              : Shape3{(batch + training.nvol - 1) / training.nvol, patch[0], patch[1]};
  const std::int64_t bytes = volume(size) * config.in_channels * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t count = o.cases > 0 ? o.cases : std::clamp<std::int64_t>(kSyntheticBytes / bytes, 2, 8);

  scratch_ = std::make_unique<ScratchFolder>();
  parallel_for(count, 0, [&](std::int64_t i) { write_volume(scratch_->path(), size, config, i); });
  write_config(scratch_->path() / "config.json", config);
  folder_ = std::make_unique<PreprocessedFolder>(scratch_->path(), "", training.cases.dim);
  for (std::int64_t i = 0; i < count; ++i) cases_.push_back(i);
  description_ = fmt::format("synthetic, {} random volumes {}x{}", count, config.in_channels, shape_text(size));
}

std::unique_ptr<BatchSource> BenchmarkData::loader(const LoaderOptions& options, EpochSampling sampling,
                                                   std::int64_t steps) const {
  const bool slices = config().dim() == 2 && options.data2d_dim == 3;
  const std::int64_t per_batch = slices ? options.nvol : options.batch_size;
  const auto count = static_cast<std::int64_t>(cases_.size());
  std::vector<std::int64_t> repeated;
  for (std::int64_t i = 0; i < std::max(count, steps * per_batch); ++i)
    repeated.push_back(cases_[static_cast<std::size_t>(i % count)]);
  sampling.limit_steps = steps;
  return std::make_unique<Loader>(*folder_, sample_epochs(std::move(repeated), sampling), options);
}

}  // namespace nnunet
