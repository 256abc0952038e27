#include "nnunet/preprocess/parameters.h"

#include <memory>

#include "nnunet/core/error.h"
#include "nnunet/core/progress.h"
#include "nnunet/plan/fingerprint.h"
#include "nnunet/plan/reference_plan.h"
#include "nnunet/plan/task.h"

namespace nnunet {

namespace {

// The last `dim` entries: 2D networks see the last two spacings.
std::vector<double> last_of(const std::vector<double>& values, int dim) {
  return {values.end() - dim, values.end()};
}

CtStats stats_of(const std::vector<double>& v) {
  return {v[0], v[1], v[2], v[3]};
}

Parameters parameters_of_training(const PreprocessOptions& o, const Dataset& dataset,
                                  const std::filesystem::path& path) {
  const DataConfig config = read_planned_config(path).config;
  const std::string file = path.string();
  if (config.dim() != o.dim || config.n_class != dataset.n_class() || config.in_channels != dataset.in_channels())
    throw Error(file, "the training folder was made from another dataset (dimension, channels or classes differ)",
                "choose other --results, or make it anew with --overwrite");
  if ((config.modality == "CT") != dataset.is_ct())
    throw Error(file,
                "the training folder was made as " + config.modality + ", the dataset's first modality is " +
                    dataset.modality.front(),
                "correct `modality` in dataset.json, or make the training folder anew with --overwrite");
  Parameters p{config.patch_size, last_of(config.spacings, o.dim), config.ct, dataset.is_ct()};
  const auto refuse = [&](const std::string& flag) {
    throw Error(flag, "it contradicts the training folder's " + file,
                "leave the flag out: " + o.exec_mode + " uses the training parameters");
  };
  if (!o.patch_size.empty() && o.patch_size != p.patch_size) refuse("--patch_size");
  if (!o.spacing.empty() && last_of(o.spacing, o.dim) != p.spacing) refuse("--spacing");
  if (!o.ct_stats.empty() && p.ct != stats_of(o.ct_stats)) refuse("--ct_stats");
  return p;
}

}  // namespace

Parameters choose_parameters(const PreprocessOptions& o, const std::string& task, const Dataset& dataset,
                             const std::filesystem::path& training_config) {
  if (!o.ct_stats.empty() && !dataset.is_ct())
    throw Error("--ct_stats", "the first modality of " + dataset.folder.string() + " is not CT",
                "leave --ct_stats out, or correct `modality` in dataset.json");
  std::error_code failure;
  if (!o.training() && std::filesystem::exists(training_config, failure))
    return parameters_of_training(o, dataset, training_config);

  Parameters p;
  p.is_ct = dataset.is_ct();
  p.patch_size = o.patch_size;
  p.spacing = o.spacing.empty() ? o.spacing : last_of(o.spacing, o.dim);
  if (!o.ct_stats.empty()) p.ct = stats_of(o.ct_stats);
  if (const TaskDefaults* const known = find_task(task); known != nullptr) {
    const DataConfig usual = task_config(*known, o.dim);
    if (p.patch_size.empty()) p.patch_size = usual.patch_size;
    if (p.spacing.empty()) p.spacing = usual.spacings;
    if (!p.ct && p.is_ct) p.ct = usual.ct;
  }
  if (p.patch_size.empty())
    throw Error("task " + task, "it is not one of the tasks 01 to 10, so its patch size is not known",
                o.dim == 3 ? "give it with --patch_size D H W" : "give it with --patch_size H W");
  return p;
}

DataConfig make_config(const Parameters& parameters, const std::string& task, const Dataset& dataset, int threads,
                       MemoryBudget& memory, bool quiet) {
  DataConfig config;
  config.patch_size = parameters.patch_size;
  config.spacings = parameters.spacing;
  config.ct = parameters.ct;
  config.n_class = dataset.n_class();
  config.in_channels = dataset.in_channels();
  config.modality = dataset.is_ct() ? "CT" : "MRI";
  config.labels = dataset.labels;
  config.task = task;
  if (!parameters.must_collect()) return config;
  std::unique_ptr<Progress> progress;
  if (!quiet)
    progress = std::make_unique<Progress>("collect spacings and intensities",
                                          static_cast<std::int64_t>(dataset.training.size()), "cases");
  const Fingerprint found = collect_fingerprint(dataset, parameters.must_collect_ct(), threads, memory, [&] {
    if (progress) progress->advance();
  });
  if (config.spacings.empty()) config.spacings = last_of({found.spacing.begin(), found.spacing.end()}, config.dim());
  if (found.ct) config.ct = found.ct;
  return config;
}

}  // namespace nnunet
