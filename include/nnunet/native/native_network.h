#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "nnunet/core/cpu.h"
#include "nnunet/plan/graph.h"

/// A network's graph on kernels of our own (docs/kernels.md): activations in blocks of sixteen channels from the first
/// layer to the last, each written once and read once; normalisation and LeakyReLU happen while the next layer reads.
namespace nnunet {

/// Tensors by the names of network_parameters, float32, standard layout.
using ParameterValues = std::unordered_map<std::string, const float*>;
using ParameterGradients = std::unordered_map<std::string, float*>;

/// Running mean and variance of a batch norm, (C) each.
struct RunningStatistics {
  float *mean = nullptr, *variance = nullptr;
};

/// Memory for activations and for the threads' work. Networks that never run at the same time may share it (those of
/// several folds, of several shapes), so that together they hold what the largest needs, beside each one's weights.
class NativeMemory {
 public:
  NativeMemory();
  ~NativeMemory();
  NativeMemory(const NativeMemory&) = delete;
  NativeMemory& operator=(const NativeMemory&) = delete;

  std::int64_t bytes() const;

  struct Parts;
  Parts& parts() { return *parts_; }

 private:
  std::unique_ptr<Parts> parts_;
};

struct NativeOptions {
  bool gradients = false;  ///< forward keeps what backward needs
  bool training = false;   ///< batch norm takes the batch's statistics, and tracks them
  bool bf16 = false;       ///< activations and weights are kept in bf16, sums in float32
  /// Without gradients, float32: Winograd tiles of 4 along h and w where they save time, a quarter in all. Errors are
  /// those of plain summation then (docs/kernels.md), for logits that are rounded to less than float32 anyway.
  bool large_tiles = false;
  Isa isa = chosen_isa();
  std::shared_ptr<NativeMemory> memory = {};  ///< null: one of its own. Not with gradients
};

/// For one shape of input. Not thread-safe; parallel inside, with digits that do not depend on the threads.
class NativeNetwork {
 public:
  /// Every head of the graph is computed: take graph.finest() for the full resolution's alone. size: (d,h,w) or (h,w).
  /// Throws Error unless they are multiples of the plan's strides, and for a graph whose operators follow each other as
  /// no kernel computes them.
  NativeNetwork(const NetworkPlan& plan, const NetworkGraph& graph, std::int64_t samples,
                const std::vector<std::int64_t>& size, const NativeOptions& options);
  ~NativeNetwork();
  NativeNetwork(NativeNetwork&&) noexcept;
  NativeNetwork& operator=(NativeNetwork&&) noexcept;

  /// Copied: call again when they have changed. Throws Error naming one that is missing.
  void set_parameters(const ParameterValues& parameters);
  /// Batch norm only, by the norm's name in the graph: read (without training) or updated by forward; must live on.
  void set_running_statistics(const std::unordered_map<std::string, RunningStatistics>& statistics);
  /// images (N,C,spatial) -> logits (N,K,spatial) of each of the graph's outputs, float32, contiguous.
  void forward(const float* images, const std::vector<float*>& logits);
  /// With gradients, after a forward of the same images: the gradients of all parameters, overwritten. A head whose
  /// gradient is null has none: its own parameters' are left as they are. The full resolution's must be there.
  void backward(const std::vector<const float*>& logit_gradients, const ParameterGradients& gradients);

  /// Called by forward after each of its steps, with the operator of the graph that the step begins with. For
  /// measurements.
  using Watch = std::function<void(const GraphNode& first)>;
  void watch(Watch watch);

  /// Memory held: activations, weights in the kernels' order, workspaces; what is shared counts for each.
  std::int64_t bytes() const;

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace nnunet
