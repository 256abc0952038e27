#include "nnunet/checkpoint/weights.h"
#include "nnunet/core/error.h"
#include "nnunet/export/model.h"

namespace nnunet {

std::string to_onnx(const Checkpoint& checkpoint, const ModelOptions& options) {
  const auto weights = network_weights(checkpoint, "checkpoint");
  const OnnxOptions onnx{checkpoint.data.patch_size, options.precision, options.argmax,
                         model_metadata(checkpoint, options)};
  return onnx_model(checkpoint.plan, onnx, [&](const std::string& name) -> std::span<const float> {
    const auto found = weights.find(name);
    if (found == weights.end()) throw Error("checkpoint", "\"" + name + "\" is missing");
    return found->second.floats();
  });
}

}  // namespace nnunet
