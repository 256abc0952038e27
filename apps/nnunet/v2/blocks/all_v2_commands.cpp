#include "v2/blocks/all_v2_commands.h"

#include "v2/blocks/dataset.h"
#include "v2/blocks/evaluation.h"
#include "v2/blocks/models.h"
#include "v2/blocks/planning.h"
#include "v2/blocks/predict.h"
#include "v2/blocks/preprocessing.h"

namespace nnunet::app {

std::vector<Command> all_v2_commands() {
  return {declare(v2_preprocess_command),
          declare(v2_plan_and_preprocess_command),
          declare(v2_predict_command),
          declare(v2_predict_from_modelfolder_command),
          declare(v2_extract_fingerprint_command),
          declare(v2_convert_decathlon_command),
          declare(v2_convert_old_command),
          declare(v2_ensemble_command),
          declare(v2_determine_postprocessing_command),
          declare(v2_apply_postprocessing_command),
          declare(v2_evaluate_folder_command),
          declare(v2_evaluate_simple_command),
          declare(v2_accumulate_command),
          declare(v2_find_best_configuration_command),
          declare(v2_export_command),
          declare(v2_install_command),
          declare(v2_download_command),
          declare(v2_overlay_command),
          declare(v2_plan_experiment_command),
          declare(v2_move_plans_command)};
}

}  // namespace nnunet::app
