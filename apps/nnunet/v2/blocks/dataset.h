#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "options/command.h"

/// What the commands on raw datasets take.
namespace nnunet::app {

struct V2ExtractFingerprintFlags {
  std::vector<std::string> datasets;
  std::string extractor = "DatasetFingerprintExtractor";
  int threads = 0;  ///< 0: nnUNet_def_n_proc, else 8
  bool verify_integrity = false, clean = false, all_foreground = false, verbose = false, no_progress = false;
};

struct V2ConvertDecathlonFlags {
  std::filesystem::path input;
  std::optional<int> id;
  int threads = 0;
};

struct V2ConvertOldFlags {
  std::filesystem::path input;
  std::string name;
};

Command v2_extract_fingerprint_command(V2ExtractFingerprintFlags& flags);
Command v2_convert_decathlon_command(V2ConvertDecathlonFlags& flags);
Command v2_convert_old_command(V2ConvertOldFlags& flags);

}  // namespace nnunet::app
