#include "weights.h"

#include "nnunet/network/unet.h"

namespace nnunet {

std::unordered_map<std::string, torch::Tensor> export_weights(const Checkpoint& checkpoint) {
  UNet network(checkpoint.plan);
  load_state_dict(*network, checkpoint.state_dict, "checkpoint");
  std::unordered_map<std::string, torch::Tensor> weights;
  for (const auto& [name, tensor] : state_dict(*network)) weights.emplace(name, tensor.contiguous());
  return weights;
}

}  // namespace nnunet
