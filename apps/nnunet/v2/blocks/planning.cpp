#include "v2/blocks/planning.h"

namespace nnunet::app {

std::vector<Option> v2_planner_options(V2PlannerFlags& f) {
  return {option("-pl", f.planner,
                 "Planner: ExperimentPlanner; nnUNetPlannerResEncM, nnUNetPlannerResEncL or nnUNetPlannerResEncXL for "
                 "residual networks; an unknown name lists all"),
          option("-gpu_memory_target", f.gpu_memory_target,
                 "GB of GPU memory that a training may take, in nnU-Net's measure; changes patch and batch size")
              .positive()
              .in("GB")
              .by_default("the planner's own: 8, 24 or 40"),
          option("-preprocessor_name", f.preprocessor, "Preprocessor that is written into the plans"),
          option("-overwrite_target_spacing", f.target_spacing,
                 "Spacing of the full resolution, in the axes of the images (z y x, mm)")
              .by_default("the median spacing, or finer where slices are thick and few"),
          option("-overwrite_plans_name", f.plans_name, "Name of the plans").by_default("the planner's own")};
}

Command v2_plan_experiment_command(V2PlanExperimentFlags& f) {
  std::vector<Option> options{option("-d", f.datasets, "Datasets' ids or names").must_be_given()};
  for (Option& each : v2_planner_options(f.planner)) options.push_back(std::move(each));
  return {
      .name = "v2 plan_experiment",
      .summary = "Spacing, patch size, batch size and network of each configuration, from a dataset's fingerprint",
      .description =
          "Writes the plans and a copy of dataset.json into $nnUNet_preprocessed/DATASET. Needs "
          "dataset_fingerprint.json there (nnUNetv2_extract_fingerprint) and dataset.json in "
          "$nnUNet_raw/DATASET, but no images. Configurations that were added to the plans by hand are "
          "kept.",
      .groups = {{"", std::move(options)}},
  };
}

Command v2_move_plans_command(V2MovePlansFlags& f) {
  return {
      .name = "v2 move_plans_between_datasets",
      .summary = "A dataset's plans for another dataset, so that a network trained on one can start from the other",
      .groups = {{"",
                  {option("-s", f.source, "Dataset that has the plans: id or name").must_be_given(),
                   option("-t", f.target, "Dataset that gets them: id or name").must_be_given(),
                   option("-sp", f.source_plans, "Name of the plans").must_be_given(),
                   option("-tp", f.target_plans, "Name that they get; a new one, so that the target's own plans stay")
                       .by_default("the same")}}},
  };
}

}  // namespace nnunet::app
