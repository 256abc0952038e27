#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "commands.h"
#include "make_predictor.h"
#include "nnunet/core/error.h"
#include "nnunet/data/split.h"
#include "nnunet/infer/evaluate.h"
#include "nnunet/infer/predict_folder.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/report/dllogger.h"
#include "options/evaluate.h"
#include "options/parser.h"

namespace nnunet::app {
namespace {

void evaluate(const InferenceFlags& o) {
  check_model_flags(o.model);
  refuse_v2_models(o.model);
  const PreprocessedFolder folder(o.cases.data, o.cases.task, o.cases.dim);
  if (folder.is_test())
    throw Error(folder.path().string(), "a test folder has no labels", "give the training or val folder");
  Predictor predictor = make_predictor(o.model, &folder.config());
  check_configuration(folder, predictor);
  require_writable_folder(o.results);
  const auto score =
      predictor.validate(folder, split_fold(folder, o.cases.nfolds, o.cases.fold).val_names, o.test_batches);

  nlohmann::ordered_json data;
  data["Mean dice"] = score.mean_dice ? nlohmann::ordered_json(rounded(*score.mean_dice, 2)) : nullptr;
  for (std::size_t k = 0; k < score.dice.size(); ++k)
    if (score.dice[k].cases > 0) data[fmt::format("L{}", k + 1)] = rounded(score.dice[k].dice, 2);
  const auto path = o.results / (o.logname.empty() ? "eval_log.json" : o.logname);
  DllLogger(path, false).log(nlohmann::ordered_json::array(), data);
  fmt::print("{}\n{} cases, percent; written to {}\n", dice_text(score.dice, 2), score.volumes, path.string());
}

}  // namespace

void add_evaluate(CLI::App& program) {
  add_command<InferenceFlags>(program, evaluate_command, evaluate);
}

}  // namespace nnunet::app
