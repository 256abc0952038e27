#include "score.h"

#include "shared_options.h"

namespace nnunet::app {

std::vector<Option> score_file_options(ScoreFiles& files) {
  return {json(files.json), csv_file(files.csv)};
}

Command score_command(ScoreFlags& flags) {
  ScoreOptions& o = flags.options;
  return {
      .name = "score",
      .summary = "Score predictions against labels: Dice, HD95 (mm), precision, recall and volumes (mL) of each class",
      .description = "HD95 is the larger of the two directed 95th percentiles of the distances between surface voxels.",
      .groups = {{"", joined({{option("--preds", o.preds,
                                      "Predictions: .npy (softmax or classes), .nii, .nii.gz; a folder or a file")
                                   .must_be_given()
                                   .from("Maier-Hein et al., Metrics reloaded: recommendations for image analysis "
                                         "validation, Nature Methods 21, 2024"),
                               labels(o.lbls).must_be_given()},
                              score_file_options(flags.files),
                              {job_count(o.n_jobs).not_negative()}})}},
      .examples = {{.line = "nnunet score --preds label_maps --lbls labels --json scores.json --csv scores.csv"}},
  };
}

}  // namespace nnunet::app
