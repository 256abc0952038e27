#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <unordered_map>

#include "engine_native.h"
#include "nnunet/checkpoint/weights.h"
#include "nnunet/core/array.h"
#include "nnunet/core/cpu.h"
#include "nnunet/core/error.h"
#include "nnunet/native/native_network.h"

namespace nnunet {
namespace {

constexpr std::size_t kKept = 4;  // networks of other shapes: the last batch of a volume, slices of other sizes

class NativeEngine final : public Engine {
 public:
  NativeEngine(const Checkpoint& checkpoint, const EngineOptions& options, const std::string& source)
      : plan_(checkpoint.plan),
        graph_(network_graph(plan_).finest()),
        weights_(network_weights(checkpoint, source)),
        precision_(options.precision),
        large_tiles_(options.large_tiles),
        shared_(options.memory ? options.memory : std::make_shared<NativeMemory>()) {}

  Logits forward(const WindowBatch& windows) override {
    check(windows);
    NativeNetwork& network = network_for(windows.shape);
    std::vector<std::int64_t> shape = windows.shape;
    shape[1] = plan_.n_class;
    float* to = nullptr;
    Logits logits = memory_.make(std::move(shape), to);
    network.forward(windows.values, {to});
    return logits;
  }

  std::string description() const override {
    return fmt::format("native, {}, cpu, {}", precision_name(precision_), isa_name(chosen_isa()));
  }

 private:
  struct Made {
    std::vector<std::int64_t> shape;
    NativeNetwork network;
  };

  void check(const WindowBatch& windows) const {
    if (windows.shape.size() == static_cast<std::size_t>(plan_.dim) + 2 && windows.shape[1] == plan_.in_channels)
      return;
    throw Error("network input", fmt::format("{} where the network takes {} channels of {}D windows",
                                             shape_text(windows.shape), plan_.in_channels, plan_.dim));
  }

  NativeNetwork& network_for(const std::vector<std::int64_t>& shape) {
    const auto found = std::ranges::find(made_, shape, &Made::shape);
    if (found != made_.end()) {
      made_.splice(made_.begin(), made_, found);
      return made_.front().network;
    }
    while (made_.size() >= kKept) made_.pop_back();
    NativeOptions options;
    options.bf16 = precision_ == Precision::bf16;
    options.large_tiles = large_tiles_;
    options.memory = shared_;
    made_.push_front({shape, NativeNetwork(plan_, graph_, shape[0], {shape.begin() + 2, shape.end()}, options)});
    set_weights(made_.front().network);
    return made_.front().network;
  }

  void set_weights(NativeNetwork& network) const {
    ParameterValues values;
    std::unordered_map<std::string, RunningStatistics> statistics;
    for (const auto& parameter : network_parameters(graph_, plan_.naming))
      values[parameter.name] = weights_.at(parameter.name).floats().data();
    network.set_parameters(values);
    if (plan_.norm != Norm::batch) return;
    for (const GraphNode& node : graph_.nodes)
      if (node.kind == GraphNode::Kind::norm)  // only read, outside of training
        statistics[node.name] = {running(node.name + ".running_mean"), running(node.name + ".running_var")};
    network.set_running_statistics(statistics);
  }

  float* running(const std::string& name) const { return const_cast<float*>(weights_.at(name).floats().data()); }

  NetworkPlan plan_;
  NetworkGraph graph_;
  NetworkWeights weights_;
  Precision precision_;
  bool large_tiles_;
  std::shared_ptr<NativeMemory> shared_;  // by the networks of all shapes
  std::list<Made> made_;
  LogitMemory memory_;
};

}  // namespace

std::unique_ptr<Engine> make_native_engine(const Checkpoint& checkpoint, const EngineOptions& options,
                                           const std::string& source) {
  return std::make_unique<NativeEngine>(checkpoint, options, source);
}

}  // namespace nnunet
