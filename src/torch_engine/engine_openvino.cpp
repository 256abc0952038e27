#ifdef NNUNET_OPENVINO
#include <fmt/format.h>
#include <omp.h>

#include <openvino/openvino.hpp>

#include "engines.h"
#include "nnunet/core/error.h"
#include "nnunet/export/model.h"

namespace nnunet {
namespace {

/// OpenVINO's plugin for CPUs, fed with the ONNX file that `export` writes.
class OpenVinoEngine final : public Engine {
 public:
  OpenVinoEngine(const Checkpoint& checkpoint, const EngineOptions& options)
      : shape_(checkpoint), precision_(options.precision) {
    ov::Core core;
    const auto model = core.read_model(to_onnx(checkpoint, {}), ov::Tensor());
    request_ = core.compile_model(model, "CPU", ov::hint::performance_mode(ov::hint::PerformanceMode::LATENCY),
                                  ov::hint::inference_precision(precision_ == Precision::bf16 ? ov::element::bf16
                                                                                              : ov::element::f32),
                                  ov::inference_num_threads(omp_get_max_threads()))
                   .create_infer_request();
  }

  Logits forward(const WindowBatch& windows) override {
    shape_.check(windows);
    float* to = nullptr;
    Logits logits = memory_.make(shape_.output(windows.size()), to);
    request_.set_tensor(kModelInput, view(const_cast<float*>(windows.values), windows.shape));
    request_.set_tensor(kModelOutput, view(to, logits.shape));
    request_.infer();
    return logits;
  }

  std::string description() const override {
    return fmt::format("openvino {}, {}, cpu", openvino_version(), precision_name(precision_));
  }

 private:
  /// The same memory.
  static ov::Tensor view(float* values, const std::vector<std::int64_t>& shape) {
    return {ov::element::f32, ov::Shape(shape.begin(), shape.end()), values};
  }

  PatchShape shape_;
  Precision precision_;
  ov::InferRequest request_;
  LogitMemory memory_;
};

}  // namespace

std::string openvino_version() {
  return ov::get_openvino_version().buildNumber;
}

std::unique_ptr<Engine> make_openvino_engine(const Checkpoint& checkpoint, const EngineOptions& options) {
  if (options.precision == Precision::fp16)
    throw Error("--precision", "OpenVINO has no fp16 arithmetic on CPUs", "use --precision bf16");
  try {
    return std::make_unique<OpenVinoEngine>(checkpoint, options);
  } catch (const ov::Exception& e) {
    throw Error("openvino", fmt::format("cannot take the network: {}", e.what()), "use --engine libtorch");
  }
}

}  // namespace nnunet
#endif
