#include "nnunet/core/error.h"
#include "v2/commands.h"
namespace nnunet::app {
int run_v2_find_best_configuration(const V2FindBestConfigurationFlags&) { throw Error("v2", "is not built yet"); }
int run_v2_accumulate(const V2AccumulateFlags&) { throw Error("v2", "is not built yet"); }
int run_v2_export(const V2ExportFlags&) { throw Error("v2", "is not built yet"); }
int run_v2_install(const V2InstallFlags&) { throw Error("v2", "is not built yet"); }
int run_v2_download(const V2DownloadFlags&) { throw Error("v2", "is not built yet"); }
int run_v2_overlay(const V2OverlayFlags&) { throw Error("v2", "is not built yet"); }
}
