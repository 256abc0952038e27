#include "v2/blocks/preprocessing.h"

namespace nnunet::app {
namespace {

Option datasets(std::vector<std::string>& names) {
  return option("-d", names, "Datasets: numbers, or names (Dataset004_Hippocampus)").must_be_given();
}

std::vector<Option> case_options(V2CaseFlags& f) {
  return {option("-c", f.configurations,
                 "Configurations to preprocess for; those that the plans lack are left out. 3d_cascade_fullres uses "
                 "the cases of 3d_fullres")
              .by_default("2d 3d_fullres 3d_lowres"),
          option("-np", f.threads,
                 "Cases at a time, at most one a core and as memory allows: one number for all configurations, or one "
                 "for each")
              .by_default("8 for 2d and 3d_lowres, 4 for others"),
          option("--verbose", f.verbose, "Has no effect"), option("--no_pbar", f.no_progress, "No progress lines")};
}

}  // namespace

Command v2_preprocess_command(V2PreprocessFlags& f) {
  return {
      .name = "v2 preprocess",
      .summary = "Images and label maps of a raw dataset as training reads them",
      .description =
          "Crops, normalises and resamples as the plans say, and remembers places of each class. The cases are written "
          "in this program's own form into $nnUNet_preprocessed/DATASET/DATA_IDENTIFIER; cases that nnU-Net itself has "
          "there are left alone. What an earlier run has finished is kept where it would come out the same.",
      .groups = {{"",
                  {datasets(f.datasets),
                   option("-plans_name", f.plans, "Name of the plans: a file of that name and .json")}},
                 {"", case_options(f.cases)}},
  };
}

Command v2_plan_and_preprocess_command(V2PlanAndPreprocessFlags& f) {
  return {
      .name = "v2 plan_and_preprocess",
      .summary = "Fingerprint, plans and preprocessed cases of a raw dataset: all that a training needs",
      .groups = {{"", {datasets(f.datasets)}},
                 {"", v2_fingerprint_options(f.fingerprint,
                                             option("-npfp", f.fingerprint.threads,
                                                    "Cases at a time for the fingerprint, at most one a core")
                                                 .by_default("nnUNet_def_n_proc, else 8"))},
                 {"", v2_planner_options(f.planner)},
                 {"", {option("--no_pp", f.no_preprocessing, "Plan only")}},
                 {"", case_options(f.cases)}},
  };
}

}  // namespace nnunet::app
