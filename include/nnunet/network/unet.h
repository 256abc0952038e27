#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nnunet/checkpoint/checkpoint.h"
#include "nnunet/network/blocks.h"
#include "nnunet/plan/plan.h"

namespace nnunet {

/// U-Net described by a NetworkPlan (contract, section 3). Input (N,C,D,H,W) or (N,C,H,W), output logits
/// (N,n_class,...) of the same spatial size. Parameter names, shapes and order as in the reference system.
///   UNet network(plan); network->initialize(seed); auto logits = network(images);
class UNetImpl : public torch::nn::Module {
 public:
  /// Throws Error unless check_network_plan finds the plan in order. Weights are 0 until initialize or load_state_dict.
  explicit UNetImpl(NetworkPlan plan);
  /// Throws Error for an input of another number of axes or channels, or sizes that are no multiple of the strides.
  /// Under autocast the logits have the lower precision.
  torch::Tensor forward(torch::Tensor x);
  /// Kaiming normal for convolutions, the library's default for transposed convolutions, 1 and 0 for normalisation, 0
  /// for the output's bias. Depends on the seed alone: not on the device, the threads or torch's own generators.
  void initialize(std::uint64_t seed);
  /// Moves the network to the device, its weights in the memory format of the activations: channels last,
  /// (N,D,H,W,C) in memory, the fastest on CPUs (docs/performance.md) and what tensor cores read. Inputs are brought
  /// into it by forward. Checkpoints do not know of it.
  void place(torch::Device device);
  void place(torch::Device device, torch::MemoryFormat format);
  /// Training keeps only the blocks' inputs and runs each block again in its backward: less memory, a third more time.
  void use_activation_checkpointing(bool on) { recompute_ = on; }
  /// Our fused kernels (the default) or torch's operators. Both compute the same; their float32 roundings differ.
  void use_fused_kernels(bool fused);
  /// Batch norm takes its statistics over the batches of all processes of the group, which must outlive the network's
  /// training.
  void use_sync_batchnorm(const ProcessGroup& group);
  /// Called in forward with each block's name and output, to look for where numbers go wrong; empty: off.
  void observe(std::function<void(const std::string& block, const torch::Tensor& output)> observer);
  const NetworkPlan& plan() const { return plan_; }
  /// Throws Error as forward does.
  void check_input(const torch::Tensor& x) const;

 private:
  std::shared_ptr<Block> encoder_block(std::size_t level) const;
  torch::Tensor down(const std::shared_ptr<Block>& block, const torch::Tensor& x) const;
  torch::Tensor up(const std::shared_ptr<UpsampleBlock>& block, const torch::Tensor& x,
                   const torch::Tensor& skip) const;

  NetworkPlan plan_;
  std::vector<std::int64_t> total_stride_;
  bool recompute_ = false;
  torch::MemoryFormat format_ = torch::MemoryFormat::Contiguous;
  std::function<void(const std::string&, const torch::Tensor&)> observer_;
  std::vector<std::shared_ptr<Block>> encoder_;          ///< a level each: input block, downsamples, bottleneck
  std::vector<std::shared_ptr<UpsampleBlock>> decoder_;  ///< from the bottleneck up
  std::shared_ptr<OutputBlock> output_;
};
TORCH_MODULE(UNet);

/// Parameters and buffers by name, in torch's order, on the CPU, detached (no copy when they are there already: they
/// change with the network).
StateDict state_dict(const UNetImpl& network);
/// Copies into the network. Throws Error (source, problem, remedy) naming the first missing, unexpected or differently
/// shaped entry; the network is then unchanged.
void load_state_dict(UNetImpl& network, const StateDict& state, const std::string& source);

}  // namespace nnunet
