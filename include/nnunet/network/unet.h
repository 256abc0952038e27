#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "nnunet/checkpoint/checkpoint.h"
#include "nnunet/network/layers.h"
#include "nnunet/plan/graph.h"

namespace nnunet {

/// A network's graph as a torch module (contract, section 3). Input (N,C,D,H,W) or (N,C,H,W), output logits
/// (N,n_class,...) of the same spatial size. Parameter names, shapes and order as in the system that the plan names.
///   UNet network(plan); network->initialize(seed); auto logits = network(images);
class UNetImpl : public torch::nn::Module {
 public:
  /// Throws Error unless check_network_plan finds the plan in order. Weights are 0 until initialize or load_state_dict.
  explicit UNetImpl(NetworkPlan plan);
  /// Throws Error for an input of another number of axes or channels, or sizes that are no multiple of the strides.
  /// Under autocast the logits have the lower precision.
  torch::Tensor forward(torch::Tensor x);
  /// The logits of the first `heads` heads (at most: all), the full resolution's first. The others are not computed.
  std::vector<torch::Tensor> forward_heads(torch::Tensor x,
                                           std::size_t heads = std::numeric_limits<std::size_t>::max());
  /// Kaiming normal for convolutions, 1 and 0 for normalisation, 0 for biases. Transposed convolutions: the library's
  /// default, with nnU-Net v2's names Kaiming normal too, and 0 for the last norm of a residual block. Depends on the
  /// seed alone: not on the device, the threads or torch's own generators.
  void initialize(std::uint64_t seed);
  /// Moves the network to the device, its weights in the memory format of the activations: channels last,
  /// (N,D,H,W,C) in memory, the fastest on CPUs (docs/performance.md) and what tensor cores read. Inputs are brought
  /// into it by forward. Checkpoints do not know of it.
  void place(torch::Device device);
  void place(torch::Device device, torch::MemoryFormat format);
  /// Training keeps only the inputs of the network's parts and runs each part again in its backward: less memory, a
  /// third more time.
  void use_activation_checkpointing(bool on) { recompute_ = on; }
  /// Our fused kernels (the default) or torch's operators. Both compute the same; their float32 roundings differ.
  void use_fused_kernels(bool fused);
  /// Batch norm takes its statistics over the batches of all processes of the group, which must outlive the network's
  /// training.
  void use_sync_batchnorm(const ProcessGroup& group);
  /// Called in forward with the name and the output of each of the graph's parts, to look for where numbers go wrong;
  /// empty: off.
  void observe(std::function<void(const std::string& part, const torch::Tensor& output)> observer);
  const NetworkPlan& plan() const { return plan_; }
  const NetworkGraph& graph() const { return graph_; }
  /// The norm layers by the names of their nodes.
  std::vector<std::pair<std::string, NormLayerImpl*>> norms() const;
  /// Throws Error as forward does.
  void check_input(const torch::Tensor& x) const;

 private:
  /// Operators that follow one another, what they read from outside and the one value that others read of them.
  struct Part {
    std::string name;
    std::size_t begin = 0, end = 0;  ///< nodes
    std::vector<std::size_t> inputs;
    std::size_t output = 0;
    std::vector<torch::Tensor> parameters, buffers;
  };
  using Values = std::vector<torch::Tensor>;

  void register_layers();
  void find_parts();
  /// Runs the nodes [begin, end); values are dropped when their last reader has run.
  void run(std::size_t begin, std::size_t end, Values& values) const;
  torch::Tensor compute(std::size_t node, const Values& values) const;
  void run_part(const Part& part, Values& values) const;

  NetworkPlan plan_;
  NetworkGraph graph_;
  std::vector<std::int64_t> total_stride_;
  std::vector<std::shared_ptr<ConvImpl>> convs_;       ///< by node, null where there is none
  std::vector<std::shared_ptr<NormLayerImpl>> norms_;  ///< likewise
  std::vector<bool> activated_;                        ///< by node: a norm that LeakyReLU alone follows does both
  std::vector<std::size_t> last_reader_;               ///< by value: the node
  std::vector<Part> parts_;
  bool recompute_ = false;
  torch::MemoryFormat format_ = torch::MemoryFormat::Contiguous;
  std::function<void(const std::string&, const torch::Tensor&)> observer_;
};
TORCH_MODULE(UNet);

/// Parameters and buffers by name, in torch's order, on the CPU, detached (no copy when they are there already: they
/// change with the network).
StateDict state_dict(const UNetImpl& network);
/// Copies into the network. Throws Error (source, problem, remedy) naming the first missing, unexpected or differently
/// shaped entry; the network is then unchanged.
void load_state_dict(UNetImpl& network, const StateDict& state, const std::string& source);

}  // namespace nnunet
