#include "nnunet/core/error.h"
#include "v2/commands.h"
namespace nnunet::app {
int run_v2_evaluate_folder(const V2EvaluateFolderFlags&) {
  throw Error("v2", "is not built yet");
}
int run_v2_evaluate_simple(const V2EvaluateSimpleFlags&) {
  throw Error("v2", "is not built yet");
}
int run_v2_ensemble(const V2EnsembleFlags&) {
  throw Error("v2", "is not built yet");
}
int run_v2_determine_postprocessing(const V2DeterminePostprocessingFlags&) {
  throw Error("v2", "is not built yet");
}
int run_v2_apply_postprocessing(const V2ApplyPostprocessingFlags&) {
  throw Error("v2", "is not built yet");
}
int run_v2_find_best_configuration(const V2FindBestConfigurationFlags&) {
  throw Error("v2", "is not built yet");
}
int run_v2_accumulate(const V2AccumulateFlags&) {
  throw Error("v2", "is not built yet");
}
int run_v2_export(const V2ExportFlags&) {
  throw Error("v2", "is not built yet");
}
int run_v2_install(const V2InstallFlags&) {
  throw Error("v2", "is not built yet");
}
int run_v2_download(const V2DownloadFlags&) {
  throw Error("v2", "is not built yet");
}
int run_v2_overlay(const V2OverlayFlags&) {
  throw Error("v2", "is not built yet");
}
}  // namespace nnunet::app
