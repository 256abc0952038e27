#include "predict.h"

#include "shared_options.h"

namespace nnunet::app {
namespace {

Group image_group(PredictFlags& flags) {
  ImagePredictionOptions& o = flags.images;
  return {"Images",
          {
              images_to_segment(o.input),
              option("--more_channels", o.more_channels,
                     "Further channels of the image --input, a file each, whatever their names"),
              output(o.output),
              series_to_segment(flags.dicom_series),
              option("--save_probabilities", o.save_probabilities,
                     "Also probabilities/<name>.npy, float32 (classes,D,H,W)"),
              option("--overlays", o.overlays, "Also <name>.png: three slices with the label's contours"),
          }};
}

/// The same options as dicom-seg's.
Group object_group(PredictFlags& flags) {
  std::vector<Option> object = series_object_options(flags.object), send = dicom_send_options(flags.send);
  send.front().only_with(object.front().name);
  return {"DICOM objects", joined({object, send})};
}

Group v2_group(PredictFlags& flags) {
  ModelFlags& m = flags.inference.model;
  return {"Models of nnU-Net v2",
          joined({{v2_model(m.trained.path)
                       .described("Instead of --ckpt_path: model folder, exported zip, fold folder or .pth of nnU-Net "
                                  "v2; images are named CASE_0000, CASE_0001, ... and end as the model's do")},
                  fold_options(m.trained),
                  {option("--prev_stage_predictions", flags.images.previous_stage,
                          "Cascades: folder of the previous stage's label maps")},
                  v2_window_options(m.windows)})};
}

Group bids_group(PredictFlags& flags) {
  return {"BIDS",
          {
              option("--bids", flags.bids.channels,
                     "--input is a BIDS dataset: the suffix of each channel's files, in order (T1w, or acq-post_T1w "
                     "where entities tell them apart); --output becomes a derivative with label maps *_dseg.nii.gz")
                  .values("SUFFIX..", 1, 100),
              option("--bids_filter", flags.bids.filter,
                     "With --bids: only files whose entities have these values: sub=01,02 run=1; acq= stands for "
                     "files without that entity")
                  .values("RULE..", 1, 1000)
                  .only_with("--bids"),
          }};
}

Group viewer_group(PredictFlags& flags) {
  return {"3D Slicer",
          {
              option("--xml", flags.xml,
                     "Print the description of this command that 3D Slicer and other readers of its execution model "
                     "make a panel of"),
              option("--filter_progress", flags.filter_progress,
                     "Say on stdout how far it is, as that model asks (<filter-progress>); modules started by the "
                     "description of --xml are given it"),
          }};
}

/// What a viewer's panel shows.
Module viewer_module() {
  using Shown = Module::Shown;
  return {.title = "nnU-Net",
          .category = "Segmentation",
          .groups = {{"Images",
                      "A volume, further channels of networks that have some, and the label map",
                      {{"--input", Shown::volume},
                       {"--more_channels", Shown::volume, "Channel 2"},
                       {"--more_channels", Shown::volume, "Channel 3"},
                       {"--more_channels", Shown::volume, "Channel 4"},
                       {"--output", Shown::label_map}}},
                     {"Network",
                      "A model of nnU-Net v2, or a checkpoint of this program",
                      {{"--model", Shown::folder}, {"--ckpt_path"}}},
                     {"Inference",
                      "How the volume goes through the network",
                      {{"--overlap"},
                       {"--blend"},
                       {"--tta"},
                       {"--disable_tta"},
                       {"--precise"},
                       {"--low_memory"},
                       {"--val_batch_size"},
                       {"--amp"},
                       {"--engine"},
                       {"--gpus"}},
                      true}},
          // Slicer names files by itself, of its own.
          .always = {"--overwrite", "--filter_progress"}};
}

Group benchmark_group(PredictFlags& flags) {
  return {"Benchmark",
          {
              measure_instead(flags.benchmark)
                  .described("Measure the bare forward on patches of the preprocessed folder instead (perf.json)"),
              warmup(flags.warmup).described("With --benchmark: passes before statistics are collected"),
              logname(flags.inference.logname).described("With --benchmark: name of the log").by_default("perf.json"),
          }};
}

}  // namespace

Command predict_command(PredictFlags& flags) {
  std::vector<Group> inference = inference_groups(flags.inference);
  auto& place = inference.front().options;
  place.front().noted_in(flags.data_given);
  place.push_back(save_predictions(flags.inference.save_preds));
  place.push_back(overwrite(flags.images.overwrite));
  Command command{
      .name = "predict",
      .summary = "Segment NIfTI images or DICOM series (--input), or the cases of a preprocessed folder (--data)",
      .groups = {image_group(flags)},
      .examples = {{.line = "nnunet predict --ckpt_path results/checkpoints/best.ckpt --input images --output "
                            "label_maps --tta --overlays"},
                   {.line = "nnunet predict --model Dataset004_Hippocampus/nnUNetTrainer__nnUNetPlans__3d_fullres "
                            "--input imagesTs --output label_maps",
                    .says = "A model that nnU-Net v2 trained, with the label maps that nnUNetv2_predict makes",
                    .not_run = "needs such a model"},
                   {.line = "nnunet predict --ckpt_path results/checkpoints/best.ckpt --input study.zip --output "
                            "label_maps --dicom_series all",
                    .says = "Every series of a DICOM study, each as <series UID>.nii.gz on its own grid",
                    .not_run = "needs such a study"},
                   {.line =
                        "nnunet predict --model MODEL --input study.zip --output objects --dicom_seg binary --send_to "
                        "ARCHIVE@pacs:104",
                    .says = "A DICOM segmentation of the series, which is sent to an archive",
                    .not_run = "needs such a study"},
                   {.line = "nnunet predict --ckpt_path results/checkpoints/best.ckpt --bids T1w --input dataset "
                            "--output dataset/derivatives/nnunet",
                    .says = "A BIDS dataset; its T1w images become label maps in a derivative",
                    .not_run = "needs such a dataset"},
                   {.line = "nnunet predict --ckpt_path results/checkpoints/best.ckpt --data data/04_3d/val "
                            "--results results --save_preds",
                    .says = "Softmax of the preprocessed validation cases, on their original grids"}},
      .module = viewer_module(),
  };
  command.groups.insert(command.groups.end(), inference.begin(), inference.end());
  command.groups.push_back(v2_group(flags));
  command.groups.push_back(object_group(flags));
  command.groups.push_back(bids_group(flags));
  command.groups.push_back(part_options(flags.parts));
  command.groups.push_back(viewer_group(flags));
  command.groups.push_back(benchmark_group(flags));
  return accepting_training_options(std::move(command));
}

}  // namespace nnunet::app
