// nnUNetv2_predict, nnUNetv2_predict_from_modelfolder.
#include <cstdlib>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "v2/commands.h"

namespace nnunet::app {
namespace {

/// What changes nothing here is said, so that nobody waits for its effect.
void note_variables_without_effect() {
  if (std::getenv("nnUNet_extTrainer") != nullptr)
    log::info("nnUNet_extTrainer has no effect: networks are built from the plans, whatever the trainer");
  if (std::getenv("nnUNet_compile") != nullptr) log::info("nnUNet_compile has no effect: nothing is compiled");
}

}  // namespace

int run_v2_predict(const V2PredictFlags&) {
  note_variables_without_effect();
  throw Error("nnUNetv2_predict", "is not built yet");
}

}  // namespace nnunet::app
