#include "evaluate.h"

#include "shared_options.h"

namespace nnunet::app {

Command evaluate_command(InferenceFlags& flags) {
  Command command{
      .name = "evaluate",
      .summary = "Dice of a checkpoint on the validation cases of a fold",
      .groups = inference_groups(flags),
      .examples = {{.line = "nnunet evaluate --data data --task 04 --dim 3 --fold 0 --ckpt_path "
                            "results/checkpoints/best.ckpt --results results"}},
  };
  auto& place = command.groups.front().options;
  place.push_back(logname(flags.logname).by_default("eval_log.json"));
  place.push_back(save_predictions(flags.save_preds).described("Has no effect here: see predict").hide());
  return accepting_training_options(std::move(command));
}

}  // namespace nnunet::app
