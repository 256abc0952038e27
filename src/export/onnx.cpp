#include "nnunet/core/error.h"
#include "nnunet/export/model.h"
#include "weights.h"

namespace nnunet {

std::string to_onnx(const Checkpoint& checkpoint, const ModelOptions& options) {
  const auto weights = export_weights(checkpoint);
  const OnnxOptions onnx{checkpoint.data.patch_size, options.precision, options.argmax,
                         model_metadata(checkpoint, options)};
  return onnx_model(checkpoint.plan, onnx, [&](const std::string& name) -> std::span<const float> {
    const auto found = weights.find(name);
    if (found == weights.end()) throw Error("checkpoint", "\"" + name + "\" is missing");
    return {found->second.const_data_ptr<float>(), static_cast<std::size_t>(found->second.numel())};
  });
}

}  // namespace nnunet
