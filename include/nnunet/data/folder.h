#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/io/config.h"
#include "nnunet/io/npy.h"
#include "nnunet/plan/reference_plan.h"

namespace nnunet {

/// A preprocessed folder: config.json and the cases' .npy files, in bytewise order of `<case>_x.npy`.
class PreprocessedFolder {
 public:
  /// `data` may be that folder itself or the folder that holds `<task>_<dim>d`. Throws Error when neither is there,
  /// naming both places it looked in; when config.json and dim do not fit; when there is no case.
  PreprocessedFolder(const std::filesystem::path& data, const std::string& task, int dim);
  /// Whether one of the two places holds a config.json.
  static bool exists(const std::filesystem::path& data, const std::string& task, int dim);

  const std::filesystem::path& path() const { return path_; }
  const DataConfig& config() const { return planned_.config; }
  const ModelPlan& plan() const { return planned_.plan; }  ///< without a network
  const std::vector<std::string>& cases() const { return cases_; }
  /// True for a folder named "val" or "test" under a training folder.
  bool is_val() const;
  bool is_test() const;
  /// Case names of config.json (the list that folds are made over), in bytewise order of `<case>_x.npy`; for a val
  /// folder the training folder's. The cases that are there when config.json lists none.
  std::vector<std::string> fold_cases() const;

  NpyFile open_x(const std::string& name) const;                 ///< float32 (C,D,H,W), channels checked
  std::optional<NpyFile> open_y(const std::string& name) const;  ///< uint8 (1,D,H,W), absent file: nullopt
  /// Rows bbox start, bbox end, original (D,H,W); absent file: nullopt.
  std::optional<std::array<Shape3, 3>> read_meta(const std::string& name) const;

 private:
  std::filesystem::path path_;
  PlannedConfig planned_;
  std::vector<std::string> cases_;
};

}  // namespace nnunet
