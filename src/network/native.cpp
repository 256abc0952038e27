#include "nnunet/network/native.h"

#include <algorithm>
#include <list>
#include <optional>

#include "nnunet/core/error.h"
#include "nnunet/native/native_network.h"

namespace nnunet {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What an engine was built for.
struct Key {
  std::vector<std::int64_t> shape;
  std::size_t heads = 1;
  bool gradients = false, training = false, bf16 = false;
  bool operator==(const Key&) const = default;
};

/// What tells whether parameters have changed: their versions, and how many backward passes there were, for an
/// optimizer may write into their memory.
struct State {
  std::vector<std::pair<const void*, std::int64_t>> versions;
  std::int64_t backwards = -1;
  bool operator==(const State&) const = default;
};

/// An engine, and the weights that it has.
struct Engine {
  Key key;
  NativeNetwork net;
  State seen;
};

/// A parameter of the heads that are computed, and of all that leads to them.
struct Trained {
  std::size_t index = 0;  ///< in torch's order
  std::string name;
  std::optional<std::size_t> head;  ///< the one that it belongs to, if any
};

/// Holds the engine with the activations between forward and backward.
struct Lease : torch::CustomClassHolder {
  std::shared_ptr<Engine> engine;
  std::shared_ptr<std::int64_t> backwards;
  std::vector<Trained> trained;
  std::vector<std::vector<std::int64_t>> logits;  ///< shapes
  torch::Tensor images;
  bool used = false;
};

constexpr std::size_t kKept = 4;  // engines of other shapes: the last batch of a volume, validation beside training

}  // namespace

class NativeForward::Engines {
 public:
  explicit Engines(UNet n)
      : network(std::move(n)), parameters_(network_parameters(network->graph(), network->plan().naming)) {}

  std::vector<Trained> trained(std::size_t heads) const {
    const auto& outputs = network->graph().outputs;
    std::vector<Trained> list;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const std::size_t value = parameters_[i].node + 1;
      if (value > outputs[heads - 1]) continue;
      const auto head = std::ranges::find(outputs, value);
      list.push_back({i, parameters_[i].name, std::nullopt});
      if (head != outputs.end()) list.back().head = static_cast<std::size_t>(head - outputs.begin());
    }
    return list;
  }

  /// One that nobody holds, with the network's present weights.
  std::shared_ptr<Engine> take(const Key& key) {
    const auto found = std::find_if(engines_.begin(), engines_.end(),
                                    [&](const auto& e) { return e->key == key && e.use_count() == 1; });
    std::shared_ptr<Engine> engine;
    if (found != engines_.end()) {
      engine = *found;
      engines_.erase(found);
    } else {
      engine = std::make_shared<Engine>(build(key));
    }
    engines_.push_front(engine);
    while (engines_.size() > kKept) engines_.pop_back();
    refresh(*engine);
    return engine;
  }

  std::int64_t bytes() const {
    std::int64_t sum = 0;
    for (const auto& e : engines_) sum += e->net.bytes();
    return sum;
  }

  UNet network;
  std::shared_ptr<std::int64_t> backwards = std::make_shared<std::int64_t>(0);

 private:
  Engine build(const Key& key) const {
    NativeOptions options;
    options.gradients = key.gradients;
    options.training = key.training;
    options.bf16 = key.bf16;
    const std::vector<std::int64_t> size(key.shape.begin() + 2, key.shape.end());
    return {key, NativeNetwork(network->plan(), network->graph().first_heads(key.heads), key.shape[0], size, options),
            State{}};
  }

  void refresh(Engine& engine) const {
    const std::vector<torch::Tensor> parameters = network->parameters();
    State now;
    now.backwards = *backwards;
    for (const auto& p : parameters) now.versions.emplace_back(p.const_data_ptr(), p._version());
    if (now == engine.seen && !engine.key.gradients) return;
    std::vector<torch::Tensor> standard;
    ParameterValues values;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      standard.push_back(parameters[i].detach().contiguous());
      values[parameters_[i].name] = standard.back().const_data_ptr<float>();
    }
    engine.net.set_parameters(values);
    engine.seen = std::move(now);
    if (network->plan().norm != Norm::batch) return;
    std::unordered_map<std::string, RunningStatistics> statistics;
    for (const auto& [name, norm] : network->norms())
      statistics[name] = {norm->running_mean.mutable_data_ptr<float>(), norm->running_var.mutable_data_ptr<float>()};
    engine.net.set_running_statistics(statistics);
  }

  std::vector<NetworkParameter> parameters_;  ///< in torch's order
  std::list<std::shared_ptr<Engine>> engines_;
};

class NativeForward::Function : public torch::autograd::Function<Function> {
 public:
  /// parameters: those that gradients are for, lease->trained.
  static variable_list forward(AutogradContext* context, const c10::intrusive_ptr<Lease>& lease,
                               at::TensorList parameters) {
    variable_list logits = run(*lease);
    context->saved_data["lease"] = c10::IValue::make_capsule(lease);
    context->save_for_backward(parameters.vec());
    context->set_materialize_grads(false);
    return logits;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto lease = c10::static_intrusive_pointer_cast<Lease>(context->saved_data["lease"].toCapsule());
    if (lease->used)
      throw Error("native engine", "a second backward through the same forward",
                  "run the forward again, or choose --engine libtorch");
    lease->used = true;
    ++*lease->backwards;
    // What makes the full resolution needs its gradient, if only of zeros.
    if (!gradients[0].defined()) gradients[0] = torch::zeros(lease->logits[0], torch::kFloat);
    std::vector<const float*> dy;
    for (torch::Tensor& g : gradients) {
      if (g.defined()) g = g.to(torch::kFloat).contiguous();
      dy.push_back(g.defined() ? g.const_data_ptr<float>() : nullptr);
    }
    variable_list result{torch::Tensor()};  // of the first argument
    ParameterGradients into;
    const auto saved = context->get_saved_variables();
    for (std::size_t i = 0; i < saved.size(); ++i) {
      const Trained& t = lease->trained[i];
      result.emplace_back();
      if (t.head && dy[*t.head] == nullptr) continue;
      result.back() = torch::empty(saved[i].sizes(), saved[i].options().memory_format(torch::MemoryFormat::Contiguous));
      into[t.name] = result.back().mutable_data_ptr<float>();
    }
    lease->engine->net.backward(dy, into);
    return result;
  }

  static variable_list run(const Lease& lease) {
    variable_list logits;
    std::vector<float*> to;
    for (const auto& shape : lease.logits) {
      logits.push_back(torch::empty(shape, lease.images.options()));
      to.push_back(logits.back().mutable_data_ptr<float>());
    }
    lease.engine->net.forward(lease.images.const_data_ptr<float>(), to);
    return logits;
  }
};

NativeForward::NativeForward(UNet network) : engines_(std::make_shared<Engines>(std::move(network))) {}
NativeForward::~NativeForward() = default;

torch::Tensor NativeForward::forward(const torch::Tensor& images, bool bf16) {
  return forward_heads(images, 1, bf16).front();
}

std::vector<torch::Tensor> NativeForward::forward_heads(const torch::Tensor& images, std::size_t heads, bool bf16) {
  UNet& network = engines_->network;
  const NetworkPlan& plan = network->plan();
  network->check_input(images);
  const std::vector<torch::Tensor> parameters = network->parameters();
  Key key;
  key.shape = images.sizes().vec();
  key.heads = std::min(heads, network->graph().outputs.size());
  key.gradients = torch::GradMode::is_enabled() &&
                  std::any_of(parameters.begin(), parameters.end(), [](const auto& p) { return p.requires_grad(); });
  key.training = network->is_training();
  key.bf16 = bf16;
  if (key.gradients && !key.training && plan.norm == Norm::batch)
    throw Error("native engine", "gradients of a batch norm outside of training", "choose --engine libtorch");
  const auto lease = c10::make_intrusive<Lease>();
  lease->engine = engines_->take(key);
  lease->backwards = engines_->backwards;
  lease->trained = engines_->trained(key.heads);
  lease->images = images.detach().to(torch::kFloat).contiguous();
  const auto sizes = value_sizes(network->graph(), images.sizes().slice(2).vec());
  for (std::size_t i = 0; i < key.heads; ++i) {
    auto& shape = lease->logits.emplace_back(std::vector<std::int64_t>{images.size(0), plan.n_class});
    const auto& size = sizes[network->graph().outputs[i]];
    shape.insert(shape.end(), size.begin(), size.end());
  }
  if (key.training)
    for (const auto& [name, norm] : network->norms())
      if (norm->num_batches_tracked.defined()) norm->num_batches_tracked.add_(1);
  if (!key.gradients) return Function::run(*lease);
  std::vector<torch::Tensor> trained;
  for (const Trained& t : lease->trained) trained.push_back(parameters[t.index]);
  return Function::apply(lease, at::TensorList(trained));
}

std::int64_t NativeForward::bytes() const {
  return engines_->bytes();
}

}  // namespace nnunet
