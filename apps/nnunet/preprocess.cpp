#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "commands.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/memory.h"
#include "nnunet/core/progress.h"
#include "nnunet/io/names.h"
#include "nnunet/preprocess/pipeline.h"
#include "part_options.h"

namespace nnunet::app {

namespace {

struct Options : PreprocessOptions {
  PartOptions parts;
};

void run(Options& options) {
  log::set_quiet(options.quiet);
  require_folder_name(options.results, "--results");
  options.place = job_place();
  options.part = options.parts.choose(options.place);
  const PreprocessReport report = preprocess_dataset(options);
  const std::int64_t failed = report.failed(), all = static_cast<std::int64_t>(report.cases.size());
  if (!options.quiet) {
    std::cout << report.table();
    const std::string part =
        options.part.alone() ? "" : fmt::format(" (part {} of {})", options.part.id, options.part.count);
    std::cout << fmt::format("{} of {} cases{} in {}, {}\n", all - failed, all, part, report.folder.string(),
                             format_duration(report.seconds));
    std::cout << fmt::format("Memory: a case needs up to {}; {} were used in all{}\n", format_bytes(report.case_memory),
                             format_bytes(peak_memory()),
                             report.memory_limit > 0 ? ", limit " + format_bytes(report.memory_limit) : "");
    std::cout.flush();
  }
  if (failed == 0) return;
  std::string reasons;
  for (const CaseReport& c : report.cases)
    if (!c.error.empty()) reasons += "\n  " + c.error;
  throw Error(report.folder.string(), fmt::format("{} of {} cases could not be preprocessed:{}", failed, all, reasons),
              "repair them and run the command again: finished cases are kept");
}

}  // namespace

void add_preprocess(CLI::App& program) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      program.add_subcommand("preprocess", "Crop, resample and normalise a dataset for training or prediction");
  command->description(
      "Reads a dataset in the Medical Segmentation Decathlon's format (dataset.json, NIfTI images) and writes "
      "RESULTS/<task>_<dim>d: one .npy a case and\n"
      "config.json. Images are cropped to their voxels above 0, resampled to the task's spacing (3D) and normalised. "
      "Finished cases of an earlier run are kept.\n"
      "  nnunet preprocess --data /data --task 04 --dim 3\n"
      "  nnunet preprocess --data /data --task 04 --dim 3 --exec_mode val\n"
      "  nnunet preprocess --dataset_dir MyDataset --results /data --task 50 --patch_size 64 128 128");
  command->add_option("--data", options->data, "Folder that holds TaskNN_Name")->capture_default_str();
  command->add_option("--results", options->results, "Folder for <task>_<dim>d (default: --data)");
  command->add_option(
      "--task", options->task,
      "Number of the task: the folder TaskNN_* in --data; 01 to 10 are those of the Medical Segmentation Decathlon");
  command->add_option("--dataset_dir", options->dataset_dir,
                      "The dataset's folder itself; outputs are named after --task or, without it, this folder");
  command->add_option("--dim", options->dim, "Dimension of the network: 2 or 3")
      ->check(CLI::IsMember({2, 3}))
      ->capture_default_str();
  command
      ->add_option("--exec_mode", options->exec_mode,
                   "Cases to prepare: training, val (the training cases unpadded, for prediction) or test")
      ->check(CLI::IsMember({"training", "val", "test"}))
      ->capture_default_str();
  command->add_flag("--dilation", options->dilation,
                    "Close the labels (3x3 dilation, then erosion, slice by slice); training only");
  command
      ->add_option("--n_jobs", options->n_jobs, "Cases to work on at a time, as far as memory allows; -1: one a core")
      ->capture_default_str();
  command
      ->add_option("--patch_size", options->patch_size,
                   "Patch of the network, D H W or, in 2D, H W (default: the task's; needed for tasks beyond 10)")
      ->expected(2, 3)
      ->type_name("[D] H W");
  command
      ->add_option("--spacing", options->spacing,
                   "Target spacing in mm, Z Y X or, in 2D, Y X (default: the task's, else the training images' median)")
      ->expected(2, 3)
      ->type_name("[Z] Y X");
  command
      ->add_option("--ct_stats", options->ct_stats,
                   "CT intensities: MIN MAX to clip to, MEAN STD to normalise with (default: the task's, else "
                   "collected from labelled voxels)")
      ->expected(4)
      ->type_name("MIN MAX MEAN STD");
  command->add_flag("--overwrite", options->overwrite, "Remove this folder's outputs of an earlier run and start anew");
  add_part_options(*command, options->parts);
  command->add_flag("--quiet", options->quiet, "Only warnings and errors");
  command->callback([options] { run(*options); });
}

}  // namespace nnunet::app
