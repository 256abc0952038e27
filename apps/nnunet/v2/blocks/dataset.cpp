#include "v2/blocks/dataset.h"

#include "v2/blocks/shared.h"

namespace nnunet::app {

Command v2_extract_fingerprint_command(V2ExtractFingerprintFlags& f) {
  return {
      .name = "v2 extract_fingerprint",
      .summary = "What planning needs to know of a dataset's images: shapes, spacings, intensities",
      .description =
          "Writes dataset_fingerprint.json into $nnUNet_preprocessed/DATASET. Intensities are those of the 10^8 "
          "foreground voxels a channel that nnU-Net draws.",
      .groups = {{"",
                  {option("-d", f.datasets,
                          "Datasets' ids or names; also folders of the Medical Segmentation Decathlon, as a path or as "
                          "TaskNN_Name in $nnUNet_raw, which are read as they are")
                       .must_be_given(),
                   option("-fpe", f.extractor, "Name of the extractor; there is this one").one_of({f.extractor}),
                   v2_threads(f.threads),
                   option("--verify_dataset_integrity", f.verify_integrity,
                          "First look for faults in all files; nothing is made where there are some"),
                   option("--clean", f.clean, "Make a fingerprint anew that is there"),
                   option("--all_foreground", f.all_foreground,
                          "Intensities of every foreground voxel instead of nnU-Net's draws: other numbers, to which "
                          "large structures and images contribute more"),
                   option("--verbose", f.verbose, "Has no effect, as in nnU-Net"),
                   option("--no_pbar", f.no_progress, "No progress lines")}}},
  };
}

Command v2_convert_decathlon_command(V2ConvertDecathlonFlags& f) {
  return {
      .name = "v2 convert_MSD_dataset",
      .summary = "A folder of the Medical Segmentation Decathlon as a dataset in $nnUNet_raw",
      .description =
          "4D images are split by channel, other files copied. The new folder appears when all of it is there.",
      .groups = {{"",
                  {option("-i", f.input, "The folder, TaskNN_Name: imagesTr, imagesTs, labelsTr, dataset.json")
                       .must_be_given(),
                   option("-overwrite_id", f.id, "The dataset's number, instead of the task's"),
                   v2_threads(f.threads)}}},
  };
}

Command v2_convert_old_command(V2ConvertOldFlags& f) {
  return {
      .name = "v2 convert_old_nnUNet_dataset",
      .summary = "A raw dataset of nnU-Net v1 as one in $nnUNet_raw",
      .description = "Files are copied. The new folder appears when all of it is there.",
      .groups = {{"",
                  {option("input_folder", f.input, "The old folder, TaskNNN_Name: imagesTr, labelsTr, dataset.json")
                       .must_be_given(),
                   option("output_dataset_name", f.name, "DatasetNNN_Name").must_be_given()}}},
  };
}

}  // namespace nnunet::app
