#pragma once
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "nnunet/checkpoint/v2_checkpoint.h"
#include "nnunet/v2/dataset_labels.h"

/// The report of `nnunet auto`: what was planned and why, what came out, how to predict.
namespace nnunet::v2 {

using Png = std::vector<std::byte>;

/// A training of one fold. Dice from its final validation, 0-1; NaN where a class occurs nowhere.
struct ReportedFold {
  std::string configuration, fold;
  std::vector<double> dice;  ///< by class
  double mean = 0, seconds = 0;
  V2Logging log = {};  ///< by epoch
};

/// A validation case.
struct ReportedCase {
  std::string name;
  std::vector<double> dice;  ///< by class
  double mean = 0;
  Png picture = {};            ///< reference and prediction side by side; may be empty
  double width_of_height = 1;  ///< of the picture in mm
};

struct AutoReport {
  std::string dataset;
  std::string summary;                                         ///< a sentence or two: what came out
  std::vector<std::pair<std::string, std::string>> decisions;  ///< what was decided, and why
  std::vector<std::string> classes;                            ///< names of the labels or regions that are scored
  std::vector<ReportedFold> folds;
  Png curves = {};                                     ///< of draw_curves; may be empty
  std::vector<std::pair<std::string, double>> models;  ///< mean Dice in cross-validation of models and ensembles
  std::string best;                                    ///< one of them
  double dice_before = 0, dice_after = 0;              ///< of the best: without and with postprocessing
  bool postprocessed = false;
  std::vector<ReportedCase> best_cases, worst_cases;
  std::vector<std::pair<std::string, double>> stages;  ///< seconds
  std::string command;                                 ///< that predicts
  std::vector<std::filesystem::path> model_folders;
};

/// One HTML file that needs no other: its pictures lie within it; no scripts; light or dark as the reader's system is.
std::string auto_report_html(const AutoReport& report);

/// Losses and pseudo Dice of each training over its epochs, as a PNG. Atomic.
void draw_curves(const std::filesystem::path& path, const std::vector<ReportedFold>& folds);

/// The cases of a summary.json with the mean Dice of their classes that occur, best first. Pictures are left empty.
/// Throws Error.
std::vector<ReportedCase> scored_cases(const std::filesystem::path& summary_json, const DatasetLabels& labels);
/// The names of what is scored (DatasetLabels::foreground). dataset: the content of dataset.json.
std::vector<std::string> scored_names(const Json& dataset, const DatasetLabels& labels);

/// Image, reference and prediction in the slice that shows most of the reference (of the prediction where there is
/// none): the reference's labels on the left, the predicted ones on the right. Throws Error where a file cannot be read
/// or shapes differ.
void draw_case(ReportedCase& one, const std::filesystem::path& image, const std::filesystem::path& reference,
               const std::filesystem::path& prediction);

}  // namespace nnunet::v2
