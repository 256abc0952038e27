#pragma once
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace nnunet {

/// Where `nnunet auto` writes what.
struct AutoFolders {
  std::filesystem::path raw, output;  ///< the dataset that was given; absolute
  std::string dataset;                ///< "Dataset004_Hippocampus"

  std::filesystem::path preprocessed() const { return output / "nnUNet_preprocessed"; }
  std::filesystem::path results() const { return output / "nnUNet_results"; }
  std::filesystem::path preprocessed_dataset() const { return preprocessed() / dataset; }
  std::filesystem::path references() const { return preprocessed_dataset() / "gt_segmentations"; }
  std::filesystem::path record() const { return output / "auto.json"; }
  std::filesystem::path recipe() const { return output / "nnUNetTrainerAuto.json"; }
  std::filesystem::path curves() const { return output / "curves.png"; }
  std::filesystem::path report() const { return output / "report.html"; }
  std::filesystem::path script() const { return output / "predict.sh"; }
};

/// An environment variable for as long as this lives. Make it while there are no other threads.
class EnvironmentVariable {
 public:
  EnvironmentVariable(const char* name, const std::string& value) : name_(name) {
    if (const char* const former = std::getenv(name)) former_ = former;
    ::setenv(name, value.c_str(), 1);
  }
  ~EnvironmentVariable() { former_ ? ::setenv(name_, former_->c_str(), 1) : ::unsetenv(name_); }
  EnvironmentVariable(const EnvironmentVariable&) = delete;
  EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> former_;
};

/// Where nnU-Net's preprocessed data and results are is where the run writes.
struct AutoEnvironment {
  explicit AutoEnvironment(const AutoFolders& folders)
      : preprocessed("nnUNet_preprocessed", folders.preprocessed().string()),
        results("nnUNet_results", folders.results().string()) {}

  EnvironmentVariable preprocessed, results;
};

}  // namespace nnunet
