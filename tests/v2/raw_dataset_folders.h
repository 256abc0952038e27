#pragma once
#include <cstdlib>
#include <optional>
#include <string>

#include "nnunet/v2/python_json.h"
#include "reference/shared.h"

namespace nnunet::test {

using v2::Json;

/// An environment variable for the time of a test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* const old = std::getenv(name)) old_ = old;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() { old_ ? setenv(name_, old_->c_str(), 1) : unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

/// nnUNet_raw and nnUNet_preprocessed, empty.
struct DatasetFolders {
  TempFolder folder;
  std::filesystem::path raw = folder / "raw", preprocessed = folder / "preprocessed";
  Variable raw_variable{"nnUNet_raw", raw.string()},
      preprocessed_variable{"nnUNet_preprocessed", preprocessed.string()};

  /// A dataset without images.
  void add(const std::string& name, const Json& dataset, const Json& fingerprint) const {
    v2::write_python_json(raw / name / "dataset.json", dataset, v2::Keys::as_they_are);
    v2::write_python_json(preprocessed / name / "dataset_fingerprint.json", fingerprint, v2::Keys::sorted);
  }
};

inline Json tiny_dataset() {
  return Json{{"channel_names", {{"0", "CT"}}},
              {"labels", {{"background", 0}, {"organ", 1}}},
              {"numTraining", 5},
              {"file_ending", ".nii.gz"}};
}

/// Five cases of one size (z,y,x) and spacing.
inline Json tiny_fingerprint(const Json& shape, const Json& spacing) {
  Json intensities{
      {"max", 9.0}, {"mean", 1.5}, {"median", 1.0}, {"min", 0.0}, {"percentile_00_5", 0.5}, {"percentile_99_5", 8.5},
      {"std", 2.0}};
  Json fingerprint{{"median_relative_size_after_cropping", 1.0},
                   {"foreground_intensity_properties_per_channel", {{"0", std::move(intensities)}}},
                   {"shapes_after_crop", Json::array()},
                   {"spacings", Json::array()}};
  for (int i = 0; i < 5; ++i) {
    fingerprint["shapes_after_crop"].push_back(shape);
    fingerprint["spacings"].push_back(spacing);
  }
  return fingerprint;
}

}  // namespace nnunet::test
