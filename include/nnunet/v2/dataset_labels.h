#pragma once
#include <optional>
#include <string>
#include <vector>

#include "nnunet/v2/python_json.h"

namespace nnunet::v2 {

/// A label, or several taken together.
struct LabelOrRegion {
  std::vector<int> values;
  bool region = false;  ///< written as a list in dataset.json, perhaps of one label

  /// As Python prints it: "3", "(1, 2)", "(3,)".
  std::string key() const;
  bool operator==(const LabelOrRegion&) const = default;
};

/// What dataset.json says of the labels (contract-v2-plan, section 1).
struct DatasetLabels {
  std::string file_ending;                ///< of label maps: ".nii.gz"
  bool has_regions = false;               ///< the network has a head a region, not one a label
  std::vector<LabelOrRegion> foreground;  ///< what is evaluated: regions as in the file, else labels, sorted
  std::vector<int> foreground_labels;     ///< single labels, sorted, without background and ignore
  std::vector<int> all_labels;            ///< the same with the background
  std::vector<int> region_values;         ///< what each region leaves in the label map; later ones overwrite
  std::optional<int> ignore;

  int heads() const { return static_cast<int>(has_regions ? foreground.size() : all_labels.size()); }
};

/// Throws Error (file, field, remedy).
DatasetLabels dataset_labels(const Json& dataset, const std::string& file);
DatasetLabels read_dataset_labels(const std::filesystem::path& dataset_json);

}  // namespace nnunet::v2
