#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/eval/dice.h"
#include "nnunet/eval/score.h"

namespace nnunet {

struct ScoreOptions {
  std::filesystem::path preds, lbls;  ///< two folders, two files, or a folder and a file
  int n_jobs = 0;                     ///< cases at a time; 0: one per core
  std::vector<std::string> cases{};   ///< of folders: only these, of which none may be missing; empty: all
};

struct CaseScore {
  std::string name;
  std::vector<ClassScore> classes;  ///< class 1 first; as many in every case
};

/// A case that could not be scored.
struct ScoreFailure {
  std::string name, reason;
};

/// Mean of one class over the scored cases. HD95, precision and recall are means over the cases where they exist; the
/// counts say how many.
struct ClassMean {
  double dice = 0;
  std::optional<double> hd95, precision, recall;
  double volume_pred = 0, volume_label = 0;  ///< mL
  int cases = 0;       ///< with the class in label or prediction; 0: the class is left out of all that is said
  int cases_hd95 = 0;  ///< with the class in both: those that have an HD95
  int cases_pred = 0, cases_label = 0;  ///< with the class in the prediction (precision), in the label (recall)
};

struct FolderScore {
  std::vector<CaseScore> cases;  ///< by name
  std::vector<ScoreFailure> failures;
  std::vector<ClassMean> classes;   ///< class 1 first; empty when no case could be scored
  std::optional<double> mean_dice;  ///< mean over the classes that occur of their mean over cases
  int labels_left = 0;              ///< labels without a prediction: not scored, no failure
};

/// Scores predictions (.npy softmax or class map, NIfTI) against labels (NIfTI or .npy) of the same case name:
/// `case.npy` and `case.nii.gz`. Two files belong together whatever their names. Spacing is the label's, else the
/// prediction's, else 1 mm (warned of). The number of classes is the largest found in any file: a class that a case
/// has in neither map counts there with Dice 1, one that is in no map at all takes no part. Bad files and predictions
/// without label become failures. Shows progress. Throws Error when a path does not exist or there is no prediction at
/// all.
FolderScore score_folder(const ScoreOptions& options);

/// The same of cases that were scored by score_case, with their means.
FolderScore score_of(std::vector<CaseScore> cases);

/// Its classes' Dice, 0-1.
std::vector<ClassDice> class_dice(const FolderScore& score);

/// For the terminal: the table of means and of how many cases each has, notes on what they leave out, cases that
/// failed, and as the last line "mean dice: 0.8912 - L1 0.9001 L2 0.8823" (only if some class occurs).
std::string score_text(const FolderScore& score);
/// One row a case and class that occurs anywhere: case,class,dice,hd95_mm,precision,recall,volume_pred_ml,
/// volume_label_ml; what does not exist is empty.
std::string score_csv(const FolderScore& score);
/// {"mean dice", "cases scored", "classes": {"L1": {...}}, "classes left out": ["L2"], "cases": [{"name", "classes":
/// {...}}], "failures": [{"name", "reason"}]}; null for what does not exist.
std::string score_json(const FolderScore& score);

}  // namespace nnunet
