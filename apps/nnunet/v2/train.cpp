// nnUNetv2_train.
#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/v2/trainer_recipe.h"
#include "torch_door.h"
#include "v2/commands.h"

namespace nnunet::app {

int run_v2_train(const V2TrainFlags& flags) {
  if (flags.device == "mps") throw Error("-device mps", "Apple's GPUs are not supported", "use -device cpu");
  if (flags.amp && flags.fp32) throw Error("--amp and --fp32", "both are given", "leave one of them out");
  v2::trainer_recipe(flags.trainer);  // a wrong name is said at once
  go_where_torch_is("nnUNetv2_train");
  return train_v2_fold(flags);
}

}  // namespace nnunet::app
