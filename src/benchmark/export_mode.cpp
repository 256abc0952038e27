#include <torch/torch.h>

#include <chrono>

#include "benchmark_data.h"
#include "modes.h"
#include "nnunet/core/parallel.h"
#include "nnunet/infer/restore.h"
#include "nnunet/io/nifti.h"
#include "nnunet/io/scratch_folder.h"
#include "peak_memory.h"

namespace nnunet {

namespace {

// The image was half as large again as what the network saw (3D: resampled), with a rim that was cropped.
OriginalGrid original_grid(const Shape3& size, int dim) {
  constexpr std::int64_t kRim = 8;
  OriginalGrid grid;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::int64_t box = dim == 3 ? size[axis] * 3 / 2 : size[axis];
    grid.crop_start[axis] = kRim;
    grid.crop_end[axis] = kRim + box;
    grid.shape[axis] = box + 2 * kRim;
  }
  return grid;
}

Geometry geometry(const Shape3& shape) {
  Geometry g;
  g.shape = shape;
  g.spacing = {1, 1, 1};
  g.affine = {{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}};
  return g;
}

// Smooth, so that the label maps compress as real ones do.
torch::Tensor smooth_logits(std::int64_t classes, const Shape3& size) {
  torch::manual_seed(1);
  const auto coarse = torch::randn({1, classes, size[0] / 8 + 1, size[1] / 8 + 1, size[2] / 8 + 1});
  namespace F = torch::nn::functional;
  return F::interpolate(coarse, F::InterpolateFuncOptions()
                                    .size(std::vector<std::int64_t>(size.begin(), size.end()))
                                    .mode(torch::kTrilinear)
                                    .align_corners(false))
      .squeeze(0)
      .contiguous();
}

/// Contiguous logits (K,D,H,W) as the sliding window hands them over, all at once.
LabelMap export_label_map(const torch::Tensor& logits, const OriginalGrid& grid) {
  const Shape3 shape{logits.size(1), logits.size(2), logits.size(3)};
  std::vector<const void*> lines;
  for (std::int64_t i = 0; i < shape[0] * shape[1]; ++i) lines.push_back(logits.const_data_ptr<float>() + i * shape[2]);
  RestoreSink sink("random logits", grid, true);
  sink.begin(logits.size(0), shape);
  sink.take({logits.size(0), shape, logits.stride(0), 0, shape[0], 0, shape[1], lines.data()});
  return {std::move(sink.labels()), geometry(grid.shape)};
}

}  // namespace

BenchmarkReport benchmark_export(const BenchmarkOptions& o) {
  const CaseSelection& selection = o.train.cases;
  constexpr std::int64_t kSlices = 64, kCases = 20;  // 2D: slices of a volume; cases without --test_batches
  const bool described =
      o.describes_data() || !PreprocessedFolder::exists(selection.data, selection.task, selection.dim);
  const DataConfig config =
      described ? synthetic_config(o) : PreprocessedFolder(selection.data, selection.task, selection.dim).config();
  const auto& patch = config.patch_size;
  const Shape3 size = selection.dim == 3 ? Shape3{patch[0], patch[1], patch[2]} : Shape3{kSlices, patch[0], patch[1]};
  const torch::Tensor logits = smooth_logits(config.n_class, size);
  const OriginalGrid grid = original_grid(size, selection.dim);
  const ScratchFolder scratch;

  std::vector<double> seconds;
  const std::int64_t cases = o.train.test_batches > 0 ? o.train.test_batches : kCases;
  for (std::int64_t i = 0; i <= cases; ++i) {
    const auto start = std::chrono::steady_clock::now();
    write_label_map(scratch.path() / "label.nii.gz", export_label_map(logits, grid));
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    if (i > 0) seconds.push_back(spent.count());  // the first one warms up
  }

  BenchmarkReport report{o.mode, {}, {}};
  report.setup = {{"task", config.task},
                  {"dim", std::to_string(selection.dim)},
                  {"logits", std::to_string(config.n_class) + "x" + shape_text(size)},
                  {"label map", shape_text(grid.shape)},
                  {"device", "cpu, " + std::to_string(available_cores()) + " threads"},
                  {"data", "synthetic, smooth random logits"}};
  const Latency latency = summarise(seconds);
  report.add(latency, 1000 / latency.mean, "cases/s", "case");
  report.figures.push_back({"peak_memory_mib", "peak memory, MiB", peak_memory_mib(torch::kCPU)});
  return report;
}

}  // namespace nnunet
