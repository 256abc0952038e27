// nnUNetv2_predict, nnUNetv2_predict_from_modelfolder.
#include "nnunet/core/error.h"
#include "v2/commands.h"

namespace nnunet::app {

int run_v2_predict(const V2PredictFlags&) {
  throw Error("nnUNetv2_predict", "is not built yet");
}

}  // namespace nnunet::app
