#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "options/command.h"

/// What the commands on raw datasets take.
namespace nnunet::app {

/// How a fingerprint is made, by every command that does it.
struct V2FingerprintFlags {
  std::string extractor = "DatasetFingerprintExtractor";
  int threads = 0;  ///< 0: nnUNet_def_n_proc, else 8
  bool verify_integrity = false, clean = false, all_foreground = false;
};

struct V2ExtractFingerprintFlags {
  std::vector<std::string> datasets;
  V2FingerprintFlags how;
  bool verbose = false, no_progress = false;
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

/// threads_option: "-np" and its like.
std::vector<Option> v2_fingerprint_options(V2FingerprintFlags& flags, Option threads_option);
Command v2_extract_fingerprint_command(V2ExtractFingerprintFlags& flags);
Command v2_convert_decathlon_command(V2ConvertDecathlonFlags& flags);
Command v2_convert_old_command(V2ConvertOldFlags& flags);

}  // namespace nnunet::app
