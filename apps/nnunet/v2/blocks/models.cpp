#include "v2/blocks/models.h"

#include "v2/blocks/shared.h"

namespace nnunet::app {
namespace {

Option dataset_argument(std::string& dataset) {
  return option("dataset_name_or_id", dataset, "Dataset's id or name").must_be_given();
}

Option dataset_option(std::string& dataset) {
  return option("-d", dataset, "Dataset's id or name").must_be_given();
}

template <class Fold>
Option folds(std::vector<Fold>& of) {
  return option("-f", of, "Folds").by_default("0 1 2 3 4");
}

Option trainer(std::string& name) {
  return option("-tr", name, "Name of the trainer");
}

Option plans(std::string& name) {
  return option("-p", name, "Name of the plans");
}

}  // namespace

Command v2_find_best_configuration_command(V2FindBestConfigurationFlags& f) {
  return {
      .name = "v2 find_best_configuration",
      .summary = "Which model, or which two together, has the best Dice in cross-validation, and its postprocessing",
      .description = "Writes inference_information.json and inference_instructions.txt into the dataset's results.",
      .groups = {{"",
                  {dataset_argument(f.dataset), option("-p", f.plans, "Names of plans").by_default("nnUNetPlans"),
                   option("-c", f.configurations, "Configurations; those that the plans lack are left out")
                       .by_default("2d 3d_fullres 3d_lowres 3d_cascade_fullres"),
                   option("-tr", f.trainers, "Names of trainers").by_default("nnUNetTrainer"), v2_threads(f.threads),
                   folds(f.folds), option("--disable_ensembling", f.disable_ensembling, "Single models only"),
                   option("--no_overwrite", f.no_overwrite, "Keep results that are there")}}},
  };
}

Command v2_accumulate_command(V2AccumulateFlags& f) {
  return {
      .name = "v2 accumulate_crossval_results",
      .summary = "All folds' validation label maps in one folder, evaluated together",
      .groups = {{"",
                  {dataset_argument(f.dataset), option("-c", f.configuration, "Configuration").must_be_given(),
                   option("-o", f.output, "Folder for the results; has to be empty")
                       .by_default("crossval_results_folds_.. in the model's folder"),
                   folds(f.folds), plans(f.plans), trainer(f.trainer)}}},
  };
}

Command v2_export_command(V2ExportFlags& f) {
  return {
      .name = "v2 export_model_to_zip",
      .summary = "Trained models of a dataset as one zip file",
      .groups = {{"",
                  {dataset_option(f.dataset), option("-o", f.output, "The zip file").must_be_given(),
                   option("-c", f.configurations, "Configurations; each has to be trained")
                       .by_default("3d_lowres 3d_fullres 2d 3d_cascade_fullres"),
                   trainer(f.trainer), plans(f.plans), folds(f.folds),
                   option("-chk", f.checkpoints, "File names of the checkpoints").by_default("checkpoint_final.pth"),
                   option("--not_strict", f.not_strict, "Has no effect, as in nnU-Net"),
                   option("--exp_cv_preds", f.cv_predictions, "With the label maps of the cross-validation")}}},
  };
}

Command v2_install_command(V2InstallFlags& f) {
  return {
      .name = "v2 install_pretrained_model_from_zip",
      .summary = "Unpacks a zip file of trained models into $nnUNet_results; files that are there are replaced",
      .groups = {{"", {option("zip", f.zip, "The zip file").must_be_given()}}},
  };
}

Command v2_download_command(V2DownloadFlags& f) {
  return {
      .name = "v2 download_pretrained_model_by_url",
      .summary = "Fetches a zip file of trained models and unpacks it into $nnUNet_results",
      .description = "Weights have the licence of the data that they were trained on.",
      .groups = {{"", {option("url", f.url, "http or https address of the zip file").must_be_given()}}},
  };
}

Command v2_overlay_command(V2OverlayFlags& f) {
  return {
      .name = "v2 plot_overlay_pngs",
      .summary = "A picture of each training case: labels over the slice that shows most of them",
      .description = "Voxels are drawn as squares, whatever their spacing.",
      .groups = {{"",
                  {dataset_option(f.dataset), option("-o", f.output, "Folder for the pictures").must_be_given(),
                   v2_threads(f.threads), option("-channel_idx", f.channel, "Channel: 0 is CASE_0000").not_negative(),
                   option("--use_raw", f.use_raw, "Of $nnUNet_raw instead of preprocessed cases"),
                   option("-p", f.plans, "Name of the plans, for preprocessed cases"),
                   option("-c", f.configuration, "Configuration, for preprocessed cases")
                       .by_default("3d_fullres, or 2d where there is none"),
                   option("-overlay_intensity", f.intensity, "How strong the colours are").between(0, 1)}}},
  };
}

}  // namespace nnunet::app
