// nnUNetv2_predict, nnUNetv2_predict_from_modelfolder.
#include "nnunet/v2/predict.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "make_predictor.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/infer/opened_model.h"
#include "nnunet/v2/environment.h"
#include "torch_door.h"
#include "v2/commands.h"

namespace nnunet::app {
namespace {

namespace fs = std::filesystem;

/// What changes nothing here is said, so that nobody waits for its effect.
void note_variables_without_effect() {
  if (std::getenv("nnUNet_extTrainer") != nullptr)
    log::info("nnUNet_extTrainer has no effect: networks are built from the plans, whatever the trainer");
  if (std::getenv("nnUNet_compile") != nullptr) log::info("nnUNet_compile has no effect: nothing is compiled");
}

fs::path model_folder(const V2PredictFlags& o) {
  if (!o.model_folder.empty()) return o.model_folder;
  const v2::ModelName name{o.trainer, o.plans, o.configuration};
  const fs::path folder = v2::results_folder() / v2::dataset_name(o.dataset) / name.folder();
  if (!fs::is_directory(folder))
    throw Error(folder.string(), "is not there",
                "check -d, -tr, -p, -c and nnUNet_results; models from zips are installed by "
                "nnUNetv2_install_pretrained_model_from_zip");
  return folder;
}

/// -device cuda is nnU-Net's default: a GPU where there is one.
int gpus_of(const V2PredictFlags& o) {
  if (o.device == "mps") throw Error("-device mps", "Apple's GPUs are not supported", "use -device cpu");
  return o.device == "cpu" ? 0 : -1;
}

ModelFlags model_flags(const V2PredictFlags& o, int gpus) {
  ModelFlags flags;
  flags.trained = {model_folder(o), o.folds, o.checkpoint};
  flags.compute.gpus = gpus;
  flags.windows.overlap = 1 - o.step_size;
  flags.windows.disable_tta = o.disable_tta;
  return flags;
}

/// -npp and -nps, else their environment variables, else 3.
int processes(int asked, const char* variable) {
  if (asked >= 0) return asked;
  constexpr int usual = 3;
  const char* const variable_text = std::getenv(variable);
  const std::string_view text = variable_text == nullptr ? "" : variable_text;
  int number = usual;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc() && end == text.data() + text.size() ? number : usual;
}

/// nnUNetv2_predict without processes takes all cases, whatever the parts.
bool without_processes(const V2PredictFlags& o) {
  return o.model_folder.empty() && processes(o.npp, "nnUNet_npp") == 0 && processes(o.nps, "nnUNet_nps") == 0;
}

/// What nnU-Net notes of its arguments, under its names.
v2::Json arguments_of(const V2PredictFlags& o) {
  v2::Json arguments;
  arguments["list_of_lists_or_source_folder"] = o.input.string();
  arguments["output_folder_or_list_of_truncated_output_files"] = o.output.string();
  arguments["save_probabilities"] = o.save_probabilities;
  arguments["overwrite"] = !o.continue_prediction;
  arguments["folder_with_segs_from_prev_stage"] =
      o.prev_stage_predictions ? v2::Json(o.prev_stage_predictions->string()) : v2::Json(nullptr);
  if (without_processes(o)) return arguments;
  arguments["num_processes_preprocessing"] = processes(o.npp, "nnUNet_npp");
  arguments["num_processes_segmentation_export"] = processes(o.nps, "nnUNet_nps");
  arguments["num_parts"] = o.num_parts;
  arguments["part_id"] = o.part_id;
  return arguments;
}

/// Said before the model is read, and where parts do not count, too.
void check_part(const V2PredictFlags& o) {
  if (o.num_parts < 1 || o.part_id < 0 || o.part_id >= o.num_parts)
    throw Error("-part_id", fmt::format("{} of {} parts cannot be", o.part_id, o.num_parts), "parts count from 0");
}

v2::PredictOptions predict_options(const V2PredictFlags& o) {
  v2::PredictOptions options;
  options.input = o.input;
  options.output = o.output;
  options.previous_stage = o.prev_stage_predictions.value_or(fs::path());
  options.save_probabilities = o.save_probabilities;
  options.continue_prediction = o.continue_prediction;
  check_part(o);
  if (!without_processes(o)) {
    options.num_parts = o.num_parts;
    options.part_id = o.part_id;
  }
  options.progress = !o.disable_progress_bar;
  options.arguments = arguments_of(o);
  return options;
}

}  // namespace

int run_v2_predict(const V2PredictFlags& flags) {
  note_variables_without_effect();
  const v2::PredictOptions options = predict_options(flags);
  const int gpus = gpus_of(flags);
  go_where_network_runs("auto", gpus);
  const ModelFlags model_options = model_flags(flags, gpus);
  std::optional<V2Model> model = read_trained_model(model_options.trained);
  const ImageFormat format = image_format(*model);
  Predictor predictor = make_predictor(model_options, &*model, nullptr);
  if (flags.device == "cuda" && predictor.device().is_cpu())
    log::info("-device cuda: there is no GPU that can be used, the CPU computes");
  const v2::PredictCounts counts = v2::predict(predictor, &*model, format, options);
  log::info(fmt::format("{} cases predicted, {} kept, {} failed: {}", counts.predicted, counts.kept, counts.failed,
                        flags.output.string()));
  return counts.failed > 0 ? 1 : 0;
}

}  // namespace nnunet::app
