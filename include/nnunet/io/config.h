#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/core/array.h"

namespace nnunet {

/// Intensity statistics of a CT task (HU): clip to [min, max], then (x - mean) / std.
struct CtStats {
  double min = 0, max = 0, mean = 0, std = 1;

  bool operator==(const CtStats&) const = default;
};

/// What is known of one preprocessed case.
struct CaseInfo {
  std::string name;
  Spacing3 spacing{};  ///< of the original image, mm (z,y,x)
  Shape3 shape{};      ///< of the original image (D,H,W)
  bool has_label = false;
};

/// What config.json of a preprocessed folder says in the words of the reference system (contract, section 2). Also kept
/// in checkpoints. What it means for preprocessing and prediction is a ModelPlan (plan/reference_plan.h).
struct DataConfig {
  std::vector<std::int64_t> patch_size;  ///< (d,h,w) or (h,w)
  std::vector<double> spacings;          ///< target, mm, (z,y,x) or (y,x) (three are accepted in 2D)
  int n_class = 0;                       ///< with background
  int in_channels = 0;
  std::string modality = "MRI";     ///< "CT" or "MRI"
  std::vector<std::string> labels;  ///< by class; may be empty
  std::optional<CtStats> ct;
  std::vector<CaseInfo> cases;  ///< may be empty
  std::string task;             ///< as given to preprocess; may be empty
  std::string options;          ///< what the folder was made with (compared before adding to it); may be empty

  int dim() const { return static_cast<int>(patch_size.size()); }
  const CaseInfo* find_case(const std::string& name) const;
};

/// Throws Error (file, key, remedy) for missing required keys, wrong types, sizes that do not fit together.
DataConfig read_config(const std::filesystem::path& path);
void write_config(const std::filesystem::path& path, const DataConfig& config);  ///< atomically
std::string config_text(const DataConfig& config);                               ///< what write_config writes
nlohmann::json config_to_json(const DataConfig& config);
/// name: used in messages.
DataConfig config_from_json(const nlohmann::json& json, const std::string& name);

}  // namespace nnunet
