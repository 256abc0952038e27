#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "nnunet/data/case_store.h"
#include "nnunet/plan/v2_plan.h"

/// Preprocessing of a raw dataset into the stores that training reads (contract-v2-plan, section 6).
namespace nnunet::v2 {

struct PreprocessingOptions {
  std::filesystem::path raw;           ///< nnUNet_raw/DATASET
  std::filesystem::path preprocessed;  ///< nnUNet_preprocessed/DATASET, with the plans and dataset.json
  std::string plans = "nnUNetPlans";   ///< name of the plans' file without .json
  std::string configuration = {};
  int threads = 0;          ///< cases at a time; 0: one a core
  std::int64_t memory = 0;  ///< bytes for all cases that are worked on at a time; 0: eight tenths of what is free
  bool progress = true;
};

struct PreprocessingReport {
  std::filesystem::path folder;
  std::int64_t made = 0, kept = 0;
  std::vector<std::string> failed;  ///< names; why is in the log
  double seconds = 0;
  std::int64_t memory_limit = 0;  ///< bytes; 0: unknown, no limit
  std::int64_t case_memory = 0;   ///< bytes that the largest case made needs at most
};

/// plans and dataset.json of a preprocessed dataset. Throws Error.
V2Files read_v2_files(const std::filesystem::path& preprocessed, const std::string& plans);

/// Where a configuration's cases are: PREPROCESSED/DATA_IDENTIFIER. Throws Error: no such configuration, an identifier
/// that is no name.
std::filesystem::path store_folder(const std::filesystem::path& preprocessed, const V2Files& files,
                                   const std::string& configuration);

/// All that decides about a configuration's preprocessed cases beside their files: CaseStore::made_with of cases that
/// are made by it.
nlohmann::json store_settings(const V2Plan& plan);
/// Throws Error, saying what differs, for cases that were made by other plans.
void require_made_by(const CaseStore& store, const V2Plan& plan);

/// Throws Error where two of these configurations have one data_identifier but need different cases: each would replace
/// the other's.
void require_own_stores(const std::filesystem::path& preprocessed, const V2Files& files,
                        const std::vector<std::string>& configurations);

/// Makes the cases of one configuration, as many at a time as threads and memory allow; what a former run has finished
/// is kept where it would come out the same. A case that cannot be made is named in the log, and the others go on.
/// Throws Error when nothing can be started.
PreprocessingReport preprocess_configuration(const PreprocessingOptions& options);

/// Copies the label maps to PREPROCESSED/gt_segmentations/CASE and the ending, where they are newer than those that are
/// there. Returns how many could not be copied; the log says why.
int copy_references(const std::filesystem::path& raw, const std::filesystem::path& preprocessed);

}  // namespace nnunet::v2
