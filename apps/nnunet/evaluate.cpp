#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "inference_options.h"
#include "nnunet/core/error.h"
#include "nnunet/data/split.h"
#include "nnunet/infer/evaluate.h"
#include "nnunet/infer/predict_folder.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/report/dllogger.h"

namespace nnunet::app {
namespace {

void evaluate(const InferenceOptions& o) {
  check_inference_options(o);
  const PreprocessedFolder folder(o.data, o.task, o.dim);
  if (folder.is_test())
    throw Error(folder.path().string(), "a test folder has no labels", "give the training or val folder");
  Predictor predictor = make_predictor(o, &folder.config());
  check_configuration(folder, predictor);
  require_writable_folder(o.results);
  const auto score = predictor.validate(folder, split_fold(folder, o.nfolds, o.fold).val_names, o.test_batches);

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
  auto* c = program.add_subcommand("evaluate", "Dice of a checkpoint on the validation cases of a fold");
  const auto options = std::make_shared<InferenceOptions>();
  add_inference_options(*c, *options);
  c->add_option("--logname", options->logname,
                "Name of the log in --results, dllogger's format (default: eval_log.json)")
      ->group("Data and results");
  c->add_flag("--save_preds", options->save_preds, "Has no effect here: see predict")->group("");
  accept_training_options(*c);
  c->callback([options] { evaluate(*options); });
}

}  // namespace nnunet::app
