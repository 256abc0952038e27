#include "auto.h"

#include <fmt/format.h>

#include "nnunet/core/interrupt.h"
#include "shared_options.h"

namespace nnunet::app {
namespace {

Group place_group(AutoOptions& o) {
  return {"Data and results",
          {
              option("--dataset", o.dataset,
                     "Raw dataset of nnU-Net v2 (folder DatasetNNN_Name, or the name or number of one in $nnUNet_raw), "
                     "or a task of the Medical Segmentation Decathlon (folder TaskNN_Name)")
                  .must_be_given(),
              output(o.output)
                  .described("Folder for all that is written")
                  .by_default("nnunet_auto/DATASET")
                  .made_as_folder(),
              option("--continue", o.resume, "Go on with the run that lies in --output"),
          }};
}

Group time_group(AutoOptions& o) {
  return {"Time",
          {
              option("--hours", o.hours, "For everything; folds and lengths of trainings are chosen by it")
                  .positive()
                  .in("h"),
              option("--epochs", o.epochs, "Of each training, instead of what fits into the time")
                  .positive()
                  .in("epochs")
                  .by_default("by the time"),
              option("--iterations", o.iterations, "Batches an epoch, instead of what fits into the time")
                  .positive()
                  .by_default("by the time"),
              option("--configurations", o.configurations, "Of the plans, in the order in which they are trained")
                  .values("CONFIGURATION..", 0, 100)
                  .by_default("3d_fullres, or 2d for pictures, and others that there is time for"),
              folds(o.folds)
                  .described("Folds to train: numbers, or all (every case trains; nothing is left to validate on)")
                  .by_default("0, or 0 to 4 where there is time"),
          }};
}

Group device_group(AutoFlags& flags) {
  AutoOptions& o = flags.options;
  return {"Device",
          {
              option("--device", flags.device, "What computes; auto: a GPU where there is one")
                  .one_of({"auto", "cuda", "cpu"}),
              option("--memory_target", o.memory_target, "Memory of a GPU that patches and batches are planned for")
                  .not_negative()
                  .in("GB")
                  .by_default("by the device"),
              amp(flags.amp).described(
                  "Mixed precision. Without --amp or --fp32: on GPUs, and on CPUs that have bf16 where it is faster"),
              option("--fp32", flags.fp32, "Single precision, on GPUs, too"),
              engine(o.compute.engine)
                  .described("What computes forward and backward; auto: native on CPUs, libtorch on GPUs")
                  .one_of({"auto", "native", "libtorch"}),
              job_count(o.threads).described(
                  "Cases at a time in checking, preprocessing and scoring (0: nnUNet_def_n_proc, else 8, at "
                  "most one per core)"),
              seed(o.seed),
          }};
}

}  // namespace

Command auto_command(AutoFlags& flags) {
  AutoOptions& o = flags.options;
  return {
      .name = "auto",
      .summary = "From a dataset to trained networks, a report and the command that predicts, in a given time",
      .description =
          "Checks the dataset, plans by nnU-Net v2's rules for the device at hand, preprocesses, says what it "
          "will train and until when, trains, compares, and writes a report. See docs/auto.md.",
      .groups = {place_group(o), time_group(o), device_group(flags)},
      .notes = fmt::format("Exit codes: 0 done, 1 failed, {} stopped by SIGTERM or SIGINT and saved: start the same "
                           "command again with --continue.",
                           kInterruptedExitCode),
      .examples = {{.line = "nnunet auto --dataset data/Task04_Hippocampus --hours 0.5 --output hippocampus",
                    .says = "Half an hour on whatever there is",
                    .not_run = "takes half an hour"},
                   {.line = "nnunet auto --dataset data/Task04_Hippocampus --output hippocampus --continue",
                    .says = "Go on where it stopped",
                    .not_run = "needs such a run"}},
  };
}

}  // namespace nnunet::app
