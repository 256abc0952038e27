#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/v2/environment.h"

namespace nnunet::v2 {

struct ExportOptions {
  std::string dataset;           ///< name
  std::filesystem::path output;  ///< the zip file
  std::vector<std::string> configurations;
  std::string trainer, plans;
  std::vector<std::string> folds, checkpoints;  ///< checkpoints: file names
  bool cross_validation = false;                ///< with its label maps
  int threads = 1;                              ///< that pack
};

/// Writes trained models and their ensembles as a zip file with paths relative to $nnUNet_results, which nnU-Net v2
/// installs (contract-v2-run, section 1). Throws Error, before anything is written, for what is missing.
void export_model_to_zip(const ExportOptions& options);

/// Unpacks a zip file of models into a folder; files that are there are replaced, each by a whole one. Throws Error
/// before anything is written where an entry would leave the folder, is a link, or the whole would be absurdly large.
/// Returns the number of files.
int install_model_from_zip(const std::filesystem::path& zip, const std::filesystem::path& folder);

}  // namespace nnunet::v2
