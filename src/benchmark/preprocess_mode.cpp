#include <fmt/format.h>

#include <optional>

#include "modes.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/parallel.h"
#include "nnunet/data/phantom.h"
#include "nnunet/io/scratch_folder.h"
#include "nnunet/plan/task.h"
#include "nnunet/preprocess/pipeline.h"
#include "peak_memory.h"

namespace nnunet {

namespace {

namespace fs = std::filesystem;

bool holds_raw_task(const fs::path& data, const std::string& task) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(data, ignored))
    if (entry.path().filename().string().starts_with("Task" + task + "_")) return true;
  return false;
}

// Images that look like hippocampus cases, and the options that preprocess them.
PreprocessOptions phantom(const BenchmarkOptions& o, const fs::path& scratch) {
  const int cases = o.cases > 0 ? o.cases : PhantomOptions{}.cases;
  PreprocessOptions p;
  p.dataset_dir = write_phantom({scratch, cases, 0, o.train.seed, 0});
  p.patch_size = o.patch_size;
  if (p.patch_size.empty())
    p.patch_size = o.train.cases.dim == 3 ? std::vector<std::int64_t>{40, 56, 40} : std::vector<std::int64_t>{56, 40};
  return p;
}

// Float32 image voxels that were read.
double megabytes(const PreprocessReport& report) {
  double bytes = 0;
  for (const CaseReport& c : report.cases)
    bytes += static_cast<double>(volume(c.original) * report.config.in_channels) * sizeof(float);
  return bytes / 1e6;
}

void require_success(const PreprocessReport& report) {
  for (const CaseReport& c : report.cases)
    if (!c.error.empty()) throw Error(report.folder.string(), c.error, "repair the case or measure other data");
}

}  // namespace

BenchmarkReport benchmark_preprocessing(const BenchmarkOptions& o) {
  const CaseSelection& selection = o.train.cases;
  const ScratchFolder scratch;
  const std::string task = selection.task.empty() ? selection.task : canonical_task(selection.task);
  const bool raw = !o.describes_data() && !task.empty() && holds_raw_task(selection.data, task);
  if (!raw && !o.synthetic)
    throw Error(selection.data.string(), "no folder Task" + task + "_*", "correct --data and --task");
  PreprocessOptions p = raw ? PreprocessOptions{} : phantom(o, scratch.path());
  if (raw) p.dataset_dir = find_task_folder(selection.data, task);
  p.task = raw ? task : "";
  p.results = scratch.path() / "preprocessed";
  p.dim = selection.dim;
  p.n_jobs = o.n_jobs;
  p.quiet = true;
  log::info("preprocessing " + p.dataset_dir.string());
  const PreprocessReport done = preprocess_dataset(p);
  require_success(done);

  std::vector<double> seconds;
  for (const CaseReport& c : done.cases) seconds.push_back(c.seconds);
  const auto cases = static_cast<double>(seconds.size());
  BenchmarkReport report{o.mode, {}, {}};
  report.setup = {{"task", raw ? task : "phantom"},
                  {"dim", std::to_string(selection.dim)},
                  {"cases", fmt::format("{} at a time", o.n_jobs > 0 ? o.n_jobs : available_cores())},
                  {"data", raw ? p.dataset_dir.string() : fmt::format("synthetic, {} phantoms", seconds.size())}};
  report.add(summarise(seconds), cases / done.seconds, "cases/s", "case");
  report.figures.push_back({"megabytes_preprocess", "image voxels (float32), MB/s", megabytes(done) / done.seconds});
  report.figures.push_back({"peak_memory_mib", "peak memory, MiB", peak_memory_mib(torch::kCPU)});
  return report;
}

}  // namespace nnunet
