#include <torch/version.h>

#include "engines.h"
#include "nnunet/torch_bridge/device.h"
#include "nnunet/torch_engine/torch_engine.h"

namespace nnunet {
namespace {

std::unique_ptr<Engine> make(const Checkpoint& checkpoint, const EngineOptions& options, const std::string& source) {
#ifdef NNUNET_ONNXRUNTIME
  if (options.name == "onnxruntime" || options.name == "tensorrt") return make_onnxruntime_engine(checkpoint, options);
#endif
#ifdef NNUNET_OPENVINO
  if (options.name == "openvino") return make_openvino_engine(checkpoint, options);
#endif
  return make_torch_engine(checkpoint, options, source);
}

}  // namespace

const EngineBackend& other_engines() {
  static const EngineBackend backend = [] {
    EngineBackend b{{{"libtorch", TORCH_VERSION}}, torch_gpus(), make};
#ifdef NNUNET_ONNXRUNTIME
    for (const char* name : {"onnxruntime", "tensorrt"})
      b.engines.emplace_back(name, "onnxruntime " + onnxruntime_version());
#endif
#ifdef NNUNET_OPENVINO
    b.engines.emplace_back("openvino", openvino_version());
#endif
    return b;
  }();
  return backend;
}

}  // namespace nnunet
