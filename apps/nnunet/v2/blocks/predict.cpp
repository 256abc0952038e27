#include "v2/blocks/predict.h"

#include "options/shared_options.h"

namespace nnunet::app {
namespace {

std::vector<Option> folders(V2PredictFlags& f) {
  return {option("-i", f.input, "Folder of images: CASE_0000, CASE_0001, .. with the dataset's file ending")
              .must_be_given(),
          option("-o", f.output, "Folder for the label maps, made where it is missing").must_be_given()};
}

Option folds(V2PredictFlags& f) {
  return option("-f", f.folds, "Folds whose networks are averaged: numbers, all").by_default("0 1 2 3 4");
}

std::vector<Option> windows(V2PredictFlags& f) {
  return {
      option("-step_size", f.step_size, "Distance of neighbouring windows, as a share of the patch").share_above_0(),
      option("--disable_tta", f.disable_tta, "No mirrored copies: faster, a little less accurate")};
}

std::vector<Option> outputs(V2PredictFlags& f) {
  return {option("--verbose", f.verbose, "Say more"),
          option("--save_probabilities", f.save_probabilities,
                 "Also write CASE.npz and CASE.pkl, which nnUNetv2_ensemble reads")};
}

Option continued(V2PredictFlags& f) {
  return option("--continue_prediction", f.continue_prediction, "Leave out cases whose outputs exist");
}

std::vector<Option> machine(V2PredictFlags& f) {
  return {option("-chk", f.checkpoint, "File name of the checkpoint in each fold's folder"),
          option("-npp", f.npp, "Threads that prepare images").not_negative().by_default("nnUNet_npp, or 3"),
          option("-nps", f.nps, "Threads that write results; with -npp 0 too, parts do not count")
              .not_negative()
              .by_default("nnUNet_nps, or 3"),
          option("-prev_stage_predictions", f.prev_stage_predictions,
                 "Label maps of the previous stage; a cascade's second stage needs them")};
}

std::vector<Option> parts(V2PredictFlags& f) {
  return {option("-num_parts", f.num_parts, "Number of calls that share the cases"),
          option("-part_id", f.part_id, "Which of them this one is, from 0 on")};
}

std::vector<Option> where(V2PredictFlags& f) {
  return {option("-device", f.device, "Where the network runs; cuda: a GPU where there is one, else the CPU")
              .one_of({"cuda", "cpu", "mps"}),
          option("--disable_progress_bar", f.disable_progress_bar, "No progress lines"),
          option("--not_on_device", f.not_on_device, "Keep sums in the machine's memory, not on the GPU")};
}

}  // namespace

Command v2_predict_command(V2PredictFlags& f) {
  return {
      .name = "v2 predict",
      .summary = "Label maps of a folder of images, by a model in $nnUNet_results",
      .groups =
          {{"", joined({folders(f),
                        {option("-d", f.dataset, "Dataset's id or name").must_be_given(),
                         option("-p", f.plans, "Name of the plans"), option("-tr", f.trainer, "Name of the trainer"),
                         option("-c", f.configuration, "Configuration: 2d, 3d_fullres, ..").must_be_given(), folds(f)},
                        windows(f),
                        outputs(f),
                        {continued(f)},
                        machine(f),
                        parts(f),
                        where(f)})}},
  };
}

Command v2_predict_from_modelfolder_command(V2PredictFlags& f) {
  return {
      .name = "v2 predict_from_modelfolder",
      .summary = "Label maps of a folder of images, by a model's folder",
      .groups = {{"", joined({folders(f),
                              {option("-m", f.model_folder, "Folder with plans.json, dataset.json and fold_0, ..")
                                   .must_be_given(),
                               folds(f)},
                              windows(f),
                              outputs(f),
                              {continued(f).or_as("--c")},
                              machine(f),
                              where(f)})}},
  };
}

}  // namespace nnunet::app
