// nnUNetv2_extract_fingerprint, nnUNetv2_convert_MSD_dataset, nnUNetv2_convert_old_nnUNet_dataset.
#include <fmt/format.h>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/v2/dataset_conversion.h"
#include "nnunet/v2/dataset_integrity.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/fingerprint.h"
#include "v2/commands.h"

namespace nnunet::app {

int run_v2_extract_fingerprint(const V2ExtractFingerprintFlags& flags) {
  v2::FingerprintOptions options;
  options.threads = v2::case_threads(flags.threads);
  options.all_foreground = flags.all_foreground;
  options.show_progress = !flags.no_progress;
  int failed = 0;
  for (const std::string& dataset : flags.datasets) {
    try {
      if (flags.verify_integrity)
        v2::require_dataset_integrity(v2::raw_dataset_folder(dataset), options.threads, options.show_progress);
      v2::ensure_fingerprint(dataset, options, flags.clean);
    } catch (const Error& e) {
      log::error(e.what());
      ++failed;
    }
  }
  return failed == 0 ? 0 : 1;
}

int run_v2_convert_decathlon(const V2ConvertDecathlonFlags& flags) {
  const std::string name = v2::convert_decathlon(flags.input, flags.id, v2::case_threads(flags.threads));
  log::info(fmt::format("{}: {}", name, (v2::raw_folder() / name).string()));
  return 0;
}

int run_v2_convert_old(const V2ConvertOldFlags& flags) {
  v2::convert_nnunet_v1(flags.input, flags.name, v2::case_threads(0));
  log::info(fmt::format("{}: {}", flags.name, (v2::raw_folder() / flags.name).string()));
  return 0;
}

}  // namespace nnunet::app
