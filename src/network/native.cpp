#include "nnunet/network/native.h"

#include <algorithm>
#include <list>

#include "nnunet/core/error.h"
#include "nnunet/native/native_network.h"

namespace nnunet {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What an engine was built for.
struct Key {
  std::vector<std::int64_t> shape;
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

/// Holds the engine with the activations between forward and backward.
struct Lease : torch::CustomClassHolder {
  std::shared_ptr<Engine> engine;
  std::shared_ptr<std::int64_t> backwards;
  std::vector<std::string> names;
  torch::Tensor images;
  bool used = false;
};

constexpr std::size_t kKept = 4;  // engines of other shapes: the last batch of a volume, validation beside training

}  // namespace

class NativeForward::Engines {
 public:
  explicit Engines(UNet n) : network(std::move(n)) {
    for (const auto& parameter : network_parameters(network->graph(), network->plan().naming))
      names.push_back(parameter.name);
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
  std::vector<std::string> names;  ///< of the parameters, in torch's order
  std::shared_ptr<std::int64_t> backwards = std::make_shared<std::int64_t>(0);

 private:
  Engine build(const Key& key) const {
    NativeOptions options;
    options.gradients = key.gradients;
    options.training = key.training;
    options.bf16 = key.bf16;
    const std::vector<std::int64_t> size(key.shape.begin() + 2, key.shape.end());
    return {key, NativeNetwork(network->plan(), network->graph().finest(), key.shape[0], size, options), State{}};
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
      values[names[i]] = standard.back().const_data_ptr<float>();
    }
    engine.net.set_parameters(values);
    engine.seen = std::move(now);
    if (network->plan().norm != Norm::batch) return;
    std::unordered_map<std::string, RunningStatistics> statistics;
    for (const auto& [name, norm] : network->norms())
      statistics[name] = {norm->running_mean.mutable_data_ptr<float>(), norm->running_var.mutable_data_ptr<float>()};
    engine.net.set_running_statistics(statistics);
  }

  std::list<std::shared_ptr<Engine>> engines_;
};

class NativeForward::Function : public torch::autograd::Function<Function> {
 public:
  /// parameters: those that gradients are for.
  static torch::Tensor forward(AutogradContext* context, const c10::intrusive_ptr<Lease>& lease, std::int64_t classes,
                               at::TensorList parameters) {
    const torch::Tensor logits = run(*lease, classes);
    context->saved_data["lease"] = c10::IValue::make_capsule(lease);
    context->save_for_backward(parameters.vec());
    return logits;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto lease = c10::static_intrusive_pointer_cast<Lease>(context->saved_data["lease"].toCapsule());
    if (lease->used)
      throw Error("native engine", "a second backward through the same forward",
                  "run the forward again, or choose --engine libtorch");
    lease->used = true;
    ++*lease->backwards;
    const torch::Tensor dy = gradients[0].to(torch::kFloat).contiguous();
    variable_list result{torch::Tensor(), torch::Tensor()};  // of the first two arguments
    ParameterGradients into;
    for (const torch::Tensor& p : context->get_saved_variables()) {
      result.push_back(torch::empty(p.sizes(), p.options().memory_format(torch::MemoryFormat::Contiguous)));
      into[lease->names[into.size()]] = result.back().mutable_data_ptr<float>();
    }
    lease->engine->net.backward({dy.const_data_ptr<float>()}, into);
    return result;
  }

  static torch::Tensor run(const Lease& lease, std::int64_t classes) {
    std::vector<std::int64_t> shape = lease.images.sizes().vec();
    shape[1] = classes;
    torch::Tensor logits = torch::empty(shape, lease.images.options());
    lease.engine->net.forward(lease.images.const_data_ptr<float>(), {logits.mutable_data_ptr<float>()});
    return logits;
  }
};

NativeForward::NativeForward(UNet network) : engines_(std::make_shared<Engines>(std::move(network))) {}
NativeForward::~NativeForward() = default;

torch::Tensor NativeForward::forward(const torch::Tensor& images, bool bf16) {
  UNet& network = engines_->network;
  const NetworkPlan& plan = network->plan();
  network->check_input(images);
  const std::vector<torch::Tensor> parameters = network->parameters();
  Key key;
  key.shape = images.sizes().vec();
  key.gradients = torch::GradMode::is_enabled() &&
                  std::any_of(parameters.begin(), parameters.end(), [](const auto& p) { return p.requires_grad(); });
  key.training = network->is_training();
  key.bf16 = bf16;
  if (key.gradients && !key.training && plan.norm == Norm::batch)
    throw Error("native engine", "gradients of a batch norm outside of training", "choose --engine libtorch");
  const auto lease = c10::make_intrusive<Lease>();
  lease->engine = engines_->take(key);
  lease->backwards = engines_->backwards;
  lease->names = engines_->names;
  lease->images = images.detach().to(torch::kFloat).contiguous();
  if (key.training)
    for (const auto& [name, norm] : network->norms())
      if (norm->num_batches_tracked.defined()) norm->num_batches_tracked.add_(1);
  if (!key.gradients) return Function::run(*lease, plan.n_class);
  return Function::apply(lease, static_cast<std::int64_t>(plan.n_class), at::TensorList(parameters));
}

std::int64_t NativeForward::bytes() const {
  return engines_->bytes();
}

}  // namespace nnunet
