#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace nnunet::v2 {

/// What is wrong with a raw dataset, or looks so.
struct IntegrityFinding {
  std::string name;  ///< of the case; "-": the dataset
  std::string file;  ///< within the dataset's folder, where it is there
  std::string problem;
  bool warning = false;  ///< nothing that training could not live with: another origin, direction or affine

  bool operator==(const IntegrityFinding&) const = default;
};

/// All that is wrong (contract-v2-plan, section 2): of dataset.json (absent, broken, keys missing, labels not
/// consecutive, another number of cases than numTraining), of the folders, of every case's files (absent, damaged, NaN
/// or infinity, labels that are not whole or not declared, number of channels, shapes, spacings). Looks at as many
/// cases at a time as fit into memory, at most `threads`. Finding nothing is an empty list. Throws only out of memory.
std::vector<IntegrityFinding> check_dataset_integrity(const std::filesystem::path& folder, int threads,
                                                      bool show_progress = true);

/// A text table of them.
std::string integrity_table(const std::vector<IntegrityFinding>& findings);

/// Puts the table on the log. Throws Error where there is more in it than warnings.
void require_dataset_integrity(const std::filesystem::path& folder, int threads, bool show_progress = true);

}  // namespace nnunet::v2
