#include "nnunet/train/trainer.h"

#include "nnunet/train/training_recipe.h"
#include "training_run.h"

namespace nnunet {

TrainResult train(const TrainOptions& options) {
  return TrainingRun(with_defaults(options)).run();
}

}  // namespace nnunet
