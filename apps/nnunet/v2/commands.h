#pragma once
#include "v2/blocks/dataset.h"
#include "v2/blocks/evaluation.h"
#include "v2/blocks/models.h"
#include "v2/blocks/planning.h"
#include "v2/blocks/predict.h"
#include "v2/blocks/preprocessing.h"

/// What nnU-Net v2's commands do. Failures are thrown; the results are exit codes.
namespace nnunet::app {

int run_v2_preprocess(const V2PreprocessFlags& flags);
int run_v2_plan_and_preprocess(const V2PlanAndPreprocessFlags& flags);
int run_v2_predict(const V2PredictFlags& flags);
int run_v2_extract_fingerprint(const V2ExtractFingerprintFlags& flags);
int run_v2_convert_decathlon(const V2ConvertDecathlonFlags& flags);
int run_v2_convert_old(const V2ConvertOldFlags& flags);
int run_v2_evaluate_folder(const V2EvaluateFolderFlags& flags);
int run_v2_evaluate_simple(const V2EvaluateSimpleFlags& flags);
int run_v2_ensemble(const V2EnsembleFlags& flags);
int run_v2_determine_postprocessing(const V2DeterminePostprocessingFlags& flags);
int run_v2_apply_postprocessing(const V2ApplyPostprocessingFlags& flags);
int run_v2_find_best_configuration(const V2FindBestConfigurationFlags& flags);
int run_v2_accumulate(const V2AccumulateFlags& flags);
int run_v2_export(const V2ExportFlags& flags);
int run_v2_install(const V2InstallFlags& flags);
int run_v2_download(const V2DownloadFlags& flags);
int run_v2_overlay(const V2OverlayFlags& flags);
int run_v2_plan_experiment(const V2PlanExperimentFlags& flags);
int run_v2_move_plans(const V2MovePlansFlags& flags);

}  // namespace nnunet::app
