#include "preprocess.h"

#include "shared_options.h"

namespace nnunet::app {
namespace {

std::vector<Option> dataset_options(PreprocessOptions& o) {
  return {
      data_folder(o.data).described("Folder that holds TaskNN_Name"),
      results_folder(o.results).described("Folder for <task>_<dim>d").by_default("--data"),
      task(o.task).described("Number of the task: the folder TaskNN_* in --data; 01 to 10 are those of the Medical "
                             "Segmentation Decathlon"),
      option("--dataset_dir", o.dataset_dir,
             "The dataset's folder itself; outputs are named after --task or, without it, this folder"),
      dimension(o.dim).described("Dimension of the network: 2 or 3"),
      mode(&o.exec_mode, {"training", "val", "test"})
          .described("Cases to prepare: training, val (the training cases unpadded, for prediction) or test"),
  };
}

std::vector<Option> case_options(PreprocessOptions& o) {
  return {
      option("--dilation", o.dilation, "Close the labels (3x3 dilation, then erosion, slice by slice); training only"),
      job_count(o.n_jobs).described("Cases to work on at a time, as far as memory allows; -1: one a core"),
      patch_size(o.patch_size)
          .described("Patch of the network, D H W or, in 2D, H W")
          .by_default("the task's; needed for tasks beyond 10"),
      option("--spacing", o.spacing, "Target spacing in mm, Z Y X or, in 2D, Y X")
          .values("[Z] Y X", 2, 3)
          .in("mm")
          .by_default("the task's, else the training images' median"),
      option("--ct_stats", o.ct_stats, "CT intensities: MIN MAX to clip to, MEAN STD to normalise with")
          .values("MIN MAX MEAN STD", 4, 4)
          .by_default("the task's, else collected from labelled voxels"),
      overwrite(o.overwrite).described("Remove this folder's outputs of an earlier run and start anew"),
  };
}

}  // namespace

Command preprocess_command(PreprocessFlags& flags) {
  PreprocessOptions& o = flags.options;
  return {
      .name = "preprocess",
      .summary = "Crop, resample and normalise a dataset for training or prediction",
      .description =
          "Reads a dataset in the Medical Segmentation Decathlon's format (dataset.json, NIfTI images) and writes "
          "RESULTS/<task>_<dim>d: one .npy a case and\nconfig.json. Images are cropped to their voxels above 0, "
          "resampled to the task's spacing (3D) and normalised. Finished cases of an earlier run are kept.",
      .groups = {{"",
                  joined(
                      {dataset_options(o), case_options(o), {option("--quiet", o.quiet, "Only warnings and errors")}})},
                 part_options(flags.parts)},
      .examples = {{.line = "nnunet preprocess --data data --task 04 --dim 3"},
                   {.line = "nnunet preprocess --data data --task 04 --dim 3 --exec_mode val"},
                   {.line = "nnunet preprocess --dataset_dir MyDataset --results data --task 50 --patch_size 16 32 16",
                    .says = "A dataset of your own"}},
  };
}

}  // namespace nnunet::app
