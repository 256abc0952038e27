#include "auto_run.h"

#include "auto_choices.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/image_case.h"
#include "nnunet/torch_bridge/device.h"
#include "nnunet/v2/environment.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using v2::Json;

constexpr double kSecondsPerHour = 3600;

fs::path output_of(const AutoOptions& o) {
  const fs::path folder = o.output.empty() ? fs::path("nnunet_auto") / v2::dataset_name(o.dataset) : o.output;
  return (fs::absolute(folder) / "").lexically_normal().parent_path();
}

AutoFolders usable_folders(const AutoOptions& o) {
  AutoFolders folders{fs::absolute(v2::raw_dataset_folder(o.dataset)).lexically_normal(), output_of(o),
                      v2::dataset_name(o.dataset)};
  if (!fs::is_directory(folders.raw)) throw Error(folders.raw.string(), "there is no such folder", "check --dataset");
  if (lies_inside(folders.output, folders.raw))
    throw Error(folders.output.string(), "lies inside of the dataset, in which nothing is changed",
                "give an --output outside of it");
  require_writable_folder(folders.output);
  return folders;
}

void require_same(const Json& before, const Json& now) {
  for (const auto& [key, value] : now.items())
    if (!before.is_object() || !before.contains(key) || before[key] != value)
      throw Error("--" + key, "is another one than in the run that lies there",
                  "give what was given then, or choose another --output");
}

AutoRecord begun_record(const AutoOptions& o, const AutoFolders& folders) {
  log::set_log_file(folders.output / "auto.log");
  AutoRecord record(folders.record());
  const Json now = what_is_asked(o, folders.raw);
  if (record.empty()) {
    record.set_asked(now);
    return record;
  }
  if (!o.resume)
    throw Error(folders.output.string(), "holds a run of nnunet auto already",
                "go on with it by --continue, or choose another --output");
  require_same(record.asked(), now);
  return record;
}

}  // namespace

AutoRun::AutoRun(AutoOptions options)
    : asked(std::move(options)),
      folders(usable_folders(asked)),
      threads(v2::case_threads(asked.threads)),
      on_gpu(asked.compute.gpus != 0 && torch_gpus() > 0),
      lock(folders.output, folders.output, "another nnunet auto", "wait for it, or choose another --output"),
      record(begun_record(asked, folders)),
      environment(folders) {}

std::string AutoRun::plans() const {
  return record.result("plan").at("plans").get<std::string>();
}

double AutoRun::seconds_left() const {
  return asked.hours * kSecondsPerHour - record.all_seconds();
}

V2TrainOptions training_options(const AutoRun& run, const std::string& configuration, const std::string& fold,
                                const std::string& trainer, bool half) {
  V2TrainOptions options;
  options.names = {run.folders.dataset, configuration, fold, trainer, run.plans()};
  options.compute = run.asked.compute;
  options.compute.gpus = run.on_gpu ? 1 : 0;
  options.compute.amp = half;
  options.compute.precision = half && run.on_gpu ? "fp16" : "";
  options.seed = run.asked.seed;
  return options;
}

}  // namespace nnunet
