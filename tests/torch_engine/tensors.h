#pragma once
#include <torch/torch.h>

#include "nnunet/infer/evaluate.h"
#include "nnunet/infer/predictor.h"
#include "nnunet/torch_engine/torch_engine.h"
#include "nnunet/torch_engine/torch_lane.h"

/// Predictors and validation on torch's tensors.
namespace nnunet::test {

inline torch::Tensor tensor_of(const Array<float>& array) {
  return torch::from_blob(const_cast<float*>(array.data()), array.shape, torch::kFloat32).clone();
}

inline torch::Tensor logits(Predictor&& predictor, const torch::Tensor& x) {
  return tensor_of(predictor.logits("x", view_of(x)));
}
inline torch::Tensor logits(Predictor& predictor, const torch::Tensor& x) {
  return tensor_of(predictor.logits("x", view_of(x)));
}

inline std::unique_ptr<Engine> engine(const Checkpoint& checkpoint, const std::string& name,
                                      Precision precision = Precision::fp32) {
  return make_engine(checkpoint, {name, precision, kCpu, &other_engines()});
}

using TensorLoss = std::function<torch::Tensor(const torch::Tensor& logits, const torch::Tensor& label)>;

/// loss: of logits (1,K,D,H,W) and a label (1,D,H,W).
inline ValidationResult validate(const PreprocessedFolder& folder, const std::vector<std::string>& cases,
                                 const TorchForward& forward, const TensorLoss& loss, const WindowOptions& windows,
                                 const ValidationOptions& options = {}) {
  LossFunction host;
  if (loss)
    host = [&](const Array<float>& l, const LabelView& y) {
      const auto label = torch::from_blob(const_cast<std::uint8_t*>(y.values.data()), y.shape, torch::kUInt8);
      return loss(tensor_of(l).unsqueeze(0), label.unsqueeze(0)).item<double>();
    };
  const auto lane = make_torch_lane(forward, torch::kCPU);
  return nnunet::validate(folder, cases, *lane, host, windows, options);
}

}  // namespace nnunet::test
