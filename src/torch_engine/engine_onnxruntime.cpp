#ifdef NNUNET_ONNXRUNTIME
#include <fmt/format.h>
#include <omp.h>
#include <onnxruntime_c_api.h>

#include <algorithm>

#include "engines.h"
#include "nnunet/core/array.h"
#include "nnunet/core/error.h"
#include "nnunet/export/model.h"

namespace nnunet {
namespace {

/// onnxruntime's C interface: a table of functions that stays the same from release to release.
class Api {
 public:
  Api() : api_(OrtGetApiBase()->GetApi(ORT_API_VERSION)) {
    if (api_ == nullptr)
      throw Error("onnxruntime",
                  fmt::format("version {} is older than its headers", OrtGetApiBase()->GetVersionString()),
                  "install libraries and headers of one version");
  }
  const OrtApi* operator->() const { return api_; }
  void check(OrtStatus* status) const {
    if (status == nullptr) return;
    const std::string message = api_->GetErrorMessage(status);
    api_->ReleaseStatus(status);
    throw Error("onnxruntime", message, "use --engine libtorch");
  }

 private:
  const OrtApi* api_;
};

/// An object of onnxruntime that is released with this one.
template <class T>
using Owned = std::unique_ptr<T, std::function<void(T*)>>;

class OnnxRuntimeEngine final : public Engine {
 public:
  OnnxRuntimeEngine(const Checkpoint& checkpoint, const EngineOptions& options)
      : shape_(checkpoint), precision_(options.precision), tensorrt_(options.name == "tensorrt") {
    OrtEnv* env = nullptr;
    api_.check(api_->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "nnunet", &env));
    env_ = {env, api_->ReleaseEnv};
    OrtSessionOptions* session_options = nullptr;
    api_.check(api_->CreateSessionOptions(&session_options));
    const Owned<OrtSessionOptions> owned(session_options, api_->ReleaseSessionOptions);
    api_.check(api_->SetIntraOpNumThreads(session_options, omp_get_max_threads()));
    api_.check(api_->SetSessionGraphOptimizationLevel(session_options, ORT_ENABLE_ALL));
    if (tensorrt_) add_tensorrt(session_options, options.device);
    const std::string model = to_onnx(checkpoint, {});
    OrtSession* session = nullptr;
    api_.check(api_->CreateSessionFromArray(env, model.data(), model.size(), session_options, &session));
    session_ = {session, api_->ReleaseSession};
    OrtMemoryInfo* memory = nullptr;
    api_.check(api_->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
    memory_ = {memory, api_->ReleaseMemoryInfo};
  }

  Logits forward(const WindowBatch& windows) override {
    shape_.check(windows);
    float* values = nullptr;
    Logits logits = logits_.make(shape_.output(windows.size()), values);
    const Owned<OrtValue> from = view(const_cast<float*>(windows.values), windows.shape);
    const Owned<OrtValue> to = view(values, logits.shape);
    const OrtValue* const inputs[] = {from.get()};
    OrtValue* outputs[] = {to.get()};
    api_.check(api_->Run(session_.get(), nullptr, &kModelInput, inputs, 1, &kModelOutput, 1, outputs));
    return logits;
  }

  std::string description() const override {
    return fmt::format("{} {}, {}, {}", tensorrt_ ? "tensorrt by onnxruntime" : "onnxruntime", onnxruntime_version(),
                       precision_name(precision_), tensorrt_ ? "cuda" : "cpu");
  }

 private:
  /// The same memory.
  Owned<OrtValue> view(float* values, const std::vector<std::int64_t>& shape) const {
    OrtValue* value = nullptr;
    const auto bytes = static_cast<std::size_t>(Array<float>::count(shape)) * sizeof(float);
    api_.check(api_->CreateTensorWithDataAsOrtValue(memory_.get(), values, bytes, shape.data(), shape.size(),
                                                    ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value));
    return {value, api_->ReleaseValue};
  }

  /// NVIDIA's TensorRT as a provider of onnxruntime, which its GPU releases have.
  void add_tensorrt(OrtSessionOptions* session_options, Device device) const {
    OrtTensorRTProviderOptionsV2* options = nullptr;
    api_.check(api_->CreateTensorRTProviderOptions(&options));
    const Owned<OrtTensorRTProviderOptionsV2> owned(options, api_->ReleaseTensorRTProviderOptions);
    const std::string index = std::to_string(std::max(0, device.gpu));
    const char* const keys[] = {"device_id", "trt_fp16_enable", "trt_bf16_enable"};
    const char* const values[] = {index.c_str(), precision_ == Precision::fp16 ? "1" : "0",
                                  precision_ == Precision::bf16 ? "1" : "0"};
    api_.check(api_->UpdateTensorRTProviderOptions(options, keys, values, 3));
    api_.check(api_->SessionOptionsAppendExecutionProvider_TensorRT_V2(session_options, options));
  }

  Api api_;
  PatchShape shape_;
  Precision precision_;
  bool tensorrt_;
  Owned<OrtEnv> env_;
  Owned<OrtSession> session_;
  Owned<OrtMemoryInfo> memory_;
  LogitMemory logits_;
};

}  // namespace

std::string onnxruntime_version() {
  return OrtGetApiBase()->GetVersionString();
}

std::unique_ptr<Engine> make_onnxruntime_engine(const Checkpoint& checkpoint, const EngineOptions& options) {
  if (options.name == "onnxruntime" && options.precision != Precision::fp32)
    throw Error("--amp", "onnxruntime computes in fp32 on CPUs", "leave --amp out, or use --engine libtorch");
  return std::make_unique<OnnxRuntimeEngine>(checkpoint, options);
}

}  // namespace nnunet
#endif
