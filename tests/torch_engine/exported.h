#pragma once
#include <torch/torch.h>

#include <string>
#include <vector>

#include "nnunet/export/model.h"
#include "nnunet/network/unet.h"
#include "reference/random_plan.h"
#include "reference/reference_network.h"

/// Checkpoints of the networks of reference/network_double.json.
namespace nnunet::test {

/// 3D, residual, anisotropic, 2D, batch norm, group norm.
inline const std::vector<std::string> kNetworks{"hippocampus_3d", "brats_like_3d_residual", "anisotropic_3d",
                                                "hippocampus_2d", "batch_norm_3d",          "group_norm_2d"};

/// Running statistics as after a training.
inline void set_statistics(UNetImpl& network) {
  for (auto& item : network.named_buffers()) {
    if (item.value().dim() == 0) continue;
    const auto i = torch::arange(item.value().numel()).to(torch::kFloat);
    item.value().copy_(item.key().ends_with("mean") ? 0.2 * torch::sin(i) : 0.6 + 0.3 * torch::cos(i));
  }
}

struct Exported {
  Checkpoint checkpoint;
  UNet network{nullptr};
  torch::Tensor images;  ///< a batch of two

  explicit Exported(const std::string& name) {
    const auto reference = reference_networks().at(name);
    checkpoint.plan = reference_plan(reference);
    checkpoint.data.patch_size = reference.at("patch_size").get<std::vector<std::int64_t>>();
    checkpoint.data.spacings = reference.at("spacings").get<std::vector<double>>();
    checkpoint.data.in_channels = checkpoint.plan.in_channels;
    checkpoint.data.n_class = checkpoint.plan.n_class;
    checkpoint.data.task = "04";
    checkpoint.data.labels = {"background", "anterior \"part\"", "posterior"};
    network = UNet(checkpoint.plan);
    set_reference_weights(*network, reference);
    set_statistics(*network);
    network->eval();
    checkpoint.state_dict = state_dict(*network);
    images = reference_images(reference);
  }

  /// A network that nobody has drawn (reference/random_plan.h).
  explicit Exported(std::uint32_t seed) {
    checkpoint.plan = random_plan(seed);
    for (const std::int64_t stride : total_stride(checkpoint.plan))
      checkpoint.data.patch_size.push_back(stride * (checkpoint.data.patch_size.empty() ? 3 : 4));
    checkpoint.data.spacings.assign(checkpoint.data.patch_size.size(), 1.0);
    checkpoint.data.in_channels = checkpoint.plan.in_channels;
    checkpoint.data.n_class = checkpoint.plan.n_class;
    network = UNet(checkpoint.plan);
    network->initialize(seed);
    network->eval();
    checkpoint.state_dict = state_dict(*network);
    torch::manual_seed(seed);
    std::vector<std::int64_t> shape{2, checkpoint.plan.in_channels};
    shape.insert(shape.end(), checkpoint.data.patch_size.begin(), checkpoint.data.patch_size.end());
    images = torch::randn(shape);
  }

  /// As it is, on noise.
  explicit Exported(Checkpoint given) : checkpoint(std::move(given)), network(checkpoint.plan) {
    load_state_dict(*network, checkpoint.state_dict, "checkpoint");
    network->eval();
    torch::manual_seed(1);
    std::vector<std::int64_t> shape{2, checkpoint.plan.in_channels};
    shape.insert(shape.end(), checkpoint.data.patch_size.begin(), checkpoint.data.patch_size.end());
    images = torch::randn(shape);
  }

  torch::Tensor logits() {
    const torch::NoGradGuard no_grad;
    return network->forward(images).to(torch::kFloat).contiguous();
  }
};

}  // namespace nnunet::test
