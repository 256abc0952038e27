#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "options/command.h"

/// What the commands on trained models and datasets take.
namespace nnunet::app {

struct V2FindBestConfigurationFlags {
  std::string dataset;
  std::vector<std::string> plans{"nnUNetPlans"}, configurations{"2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres"},
      trainers{"nnUNetTrainer"};
  int threads = 0;
  std::vector<int> folds{0, 1, 2, 3, 4};
  bool disable_ensembling = false, no_overwrite = false;
};

struct V2AccumulateFlags {
  std::string dataset, configuration;
  std::optional<std::filesystem::path> output;
  std::vector<int> folds{0, 1, 2, 3, 4};
  std::string plans = "nnUNetPlans", trainer = "nnUNetTrainer";
};

struct V2ExportFlags {
  std::string dataset;
  std::filesystem::path output;
  std::vector<std::string> configurations{"3d_lowres", "3d_fullres", "2d", "3d_cascade_fullres"};
  std::string trainer = "nnUNetTrainer", plans = "nnUNetPlans";
  std::vector<std::string> folds{"0", "1", "2", "3", "4"}, checkpoints{"checkpoint_final.pth"};
  bool not_strict = false, cv_predictions = false;
};

struct V2InstallFlags {
  std::filesystem::path zip;
};

struct V2DownloadFlags {
  std::string url;
};

struct V2OverlayFlags {
  std::string dataset;
  std::filesystem::path output;
  int threads = 0, channel = 0;
  bool use_raw = false;
  std::string plans = "nnUNetPlans", configuration;  ///< empty: 3d_fullres where the plans have it, else 2d
  double intensity = 0.6;
};

Command v2_find_best_configuration_command(V2FindBestConfigurationFlags& flags);
Command v2_accumulate_command(V2AccumulateFlags& flags);
Command v2_export_command(V2ExportFlags& flags);
Command v2_install_command(V2InstallFlags& flags);
Command v2_download_command(V2DownloadFlags& flags);
Command v2_overlay_command(V2OverlayFlags& flags);

}  // namespace nnunet::app
