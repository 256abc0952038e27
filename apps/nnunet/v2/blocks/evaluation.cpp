#include "v2/blocks/evaluation.h"

#include "v2/blocks/shared.h"

namespace nnunet::app {
namespace {

Option summary_file(std::optional<std::filesystem::path>& file) {
  return option("-o", file, "The file to write, .json").by_default("summary.json beside the predictions");
}

Option chill(bool& flag) {
  return option("--chill", flag, "References without a prediction are no error");
}

Option references(std::filesystem::path& folder) {
  return option("gt_folder", folder, "Folder of reference label maps").must_be_given();
}

Option predictions(std::filesystem::path& folder) {
  return option("pred_folder", folder, "Folder of predicted label maps").must_be_given();
}

}  // namespace

Command v2_evaluate_folder_command(V2EvaluateFolderFlags& f) {
  return {
      .name = "v2 evaluate_folder",
      .summary = "Dice, IoU and counts of predicted label maps against references, into summary.json",
      .groups = {{"",
                  {references(f.references), predictions(f.predictions),
                   option("-djfile", f.dataset_json, "dataset.json: labels, regions, ignore label, file ending")
                       .must_be_given(),
                   option("-pfile", f.plans_json, "plans.json").must_be_given(), summary_file(f.output),
                   v2_threads(f.threads), chill(f.chill)}}},
  };
}

Command v2_evaluate_simple_command(V2EvaluateSimpleFlags& f) {
  return {
      .name = "v2 evaluate_simple",
      .summary = "Dice, IoU and counts of some labels, without dataset.json and plans",
      .groups = {{"",
                  {references(f.references), predictions(f.predictions),
                   option("-l", f.labels, "The labels").must_be_given(),
                   option("-il", f.ignore, "Label of voxels that do not count"), summary_file(f.output),
                   v2_threads(f.threads), chill(f.chill)}}},
  };
}

Command v2_ensemble_command(V2EnsembleFlags& f) {
  return {
      .name = "v2 ensemble",
      .summary = "Mean of several models' probabilities, and its label maps",
      .description =
          "The folders are outputs of nnUNetv2_predict --save_probabilities and hold the same cases. "
          "dataset.json, plans.json and geometry are the first folder's.",
      .groups = {{"",
                  {option("-i", f.inputs, "Folders with CASE.npz and CASE.pkl").must_be_given(),
                   option("-o", f.output, "Folder for the label maps").must_be_given(), v2_threads(f.threads),
                   option("--save_npz", f.save_npz, "Also write the mean probabilities")}}},
  };
}

Command v2_determine_postprocessing_command(V2DeterminePostprocessingFlags& f) {
  return {
      .name = "v2 determine_postprocessing",
      .summary = "Finds out for which labels keeping the largest component alone raises the Dice",
      .description =
          "Writes postprocessing.pkl, postprocessing.json and the folder postprocessed beside the "
          "predictions.",
      .groups = {{"",
                  {option("-i", f.input, "Folder of predicted label maps").must_be_given(),
                   option("-ref", f.references, "Folder of reference label maps").must_be_given(),
                   v2_plans_json(f.plans_json), v2_dataset_json(f.dataset_json), v2_threads(f.threads),
                   option("--remove_postprocessed", f.remove_postprocessed, "Do not keep the folder postprocessed")}}},
  };
}

Command v2_apply_postprocessing_command(V2ApplyPostprocessingFlags& f) {
  return {
      .name = "v2 apply_postprocessing",
      .summary = "Does to label maps what nnUNetv2_determine_postprocessing found to be good",
      .groups = {{"",
                  {option("-i", f.input, "Folder of label maps").must_be_given(),
                   option("-o", f.output, "Folder for the new label maps").must_be_given(),
                   option("-pp_pkl_file", f.pickle, "postprocessing.pkl; nothing in it is executed").must_be_given(),
                   v2_threads(f.threads), v2_plans_json(f.plans_json), v2_dataset_json(f.dataset_json)}}},
  };
}

}  // namespace nnunet::app
