#include "nnunet/native/native_network.h"

#include <fmt/format.h>

#include "build.h"
#include "nnunet/core/array.h"
#include "nnunet/core/error.h"

namespace nnunet {

using native::Feature;
using native::Sizes3;
using native::Step;

class NativeNetwork::Impl {
 public:
  virtual ~Impl() = default;
  virtual void set_parameters(const ParameterValues& parameters) = 0;
  virtual void set_running_statistics(const std::unordered_map<std::string, RunningStatistics>& statistics) = 0;
  virtual void forward(const float* images, const std::vector<float*>& logits) = 0;
  virtual void backward(const std::vector<const float*>& logit_gradients, const ParameterGradients& gradients) = 0;
  virtual std::int64_t bytes() const = 0;

  Watch watch;
};

namespace {

using Sizes = std::vector<std::int64_t>;

void check_size(const NetworkPlan& plan, const Sizes& size) {
  const Sizes multiple = total_stride(plan);
  bool fits = size.size() == multiple.size();
  for (std::size_t a = 0; fits && a < size.size(); ++a) fits = size[a] >= 1 && size[a] % multiple[a] == 0;
  if (!fits)
    throw Error("network input",
                fmt::format("its sizes {} are no multiples of the network's strides {}", shape_text(size),
                            shape_text(multiple)),
                "use the patch size of the training");
}

/// (d,h,w) of each value.
std::vector<Sizes3> sizes_of(const NetworkGraph& graph, const Sizes& image) {
  std::vector<Sizes3> sizes;
  for (const Sizes& size : value_sizes(graph, image)) {
    Sizes3& s = sizes.emplace_back(Sizes3{1, 1, 1});
    for (std::size_t i = 0; i < size.size(); ++i) s[3 - size.size() + i] = size[i];
  }
  return sizes;
}

template <class T>
class Engine final : public NativeNetwork::Impl {
 public:
  Engine(const NetworkPlan& plan, const NetworkGraph& graph, std::int64_t samples, const Sizes& size,
         const NativeOptions& options)
      : keep_(options.gradients),
        graph_(graph),
        memory_(options.memory ? options.memory : std::make_shared<NativeMemory>()),
        context_{options, memory_->parts().pool, memory_->parts().workspace},
        steps_(native::build_steps<T>(plan, graph, sizes_of(graph, size), samples, options)) {}
  ~Engine() override { release(); }

  void set_parameters(const ParameterValues& parameters) override {
    for (auto& step : steps_.all) step->set_parameters(parameters);
  }

  void set_running_statistics(const std::unordered_map<std::string, RunningStatistics>& statistics) override {
    for (auto* conv : steps_.convs) conv->norm->running = statistics.at(conv->norm_name);
  }

  void forward(const float* images, const std::vector<float*>& logits) override {
    release();
    context_.images = images;
    for (std::size_t i = 0; i < logits.size(); ++i) steps_.heads[i]->logits = logits[i];
    std::unordered_map<const Feature<T>*, int> read;
    for (auto& step : steps_.all) {
      step->forward(context_);
      if (watch) watch(graph_.nodes[step->node]);
      if (keep_) continue;
      for (Feature<T>* f : step->reads)
        if (++read[f] == f->readers) f->release(context_);
    }
  }

  void backward(const std::vector<const float*>& logit_gradients, const ParameterGradients& gradients) override {
    for (std::size_t i = 0; i < logit_gradients.size(); ++i) steps_.heads[i]->logit_gradient = logit_gradients[i];
    count_gradients();
    for (std::size_t i = steps_.all.size(); i-- > 0;) steps_.all[i]->backward(gradients, context_);
    release();
  }

  std::int64_t bytes() const override {
    std::int64_t sum = memory_->bytes();
    for (const auto& step : steps_.all) sum += step->bytes();
    return sum;
  }

 private:
  /// How many will give each feature a gradient.
  void count_gradients() {
    for (auto& step : steps_.all) step->out.gradients = step->out.added = 0;
    for (auto& step : steps_.all)
      for (Feature<T>* f : step->gradients_go_to()) ++f->gradients;
  }

  void release() {
    for (auto& step : steps_.all) step->out.release(context_);
  }

  bool keep_;
  const NetworkGraph graph_;
  const std::shared_ptr<NativeMemory> memory_;
  native::Context context_;
  native::Steps<T> steps_;
};

}  // namespace

NativeMemory::NativeMemory() : parts_(std::make_unique<Parts>()) {}
NativeMemory::~NativeMemory() = default;
std::int64_t NativeMemory::bytes() const {
  return parts_->pool.bytes() + parts_->workspace.bytes();
}

NativeNetwork::NativeNetwork(const NetworkPlan& plan, const NetworkGraph& graph, std::int64_t samples,
                             const Sizes& size, const NativeOptions& options) {
  check_size(plan, size);
  if (options.bf16)
    impl_ = std::make_unique<Engine<kernels::Bfloat16>>(plan, graph, samples, size, options);
  else
    impl_ = std::make_unique<Engine<float>>(plan, graph, samples, size, options);
}
NativeNetwork::~NativeNetwork() = default;
NativeNetwork::NativeNetwork(NativeNetwork&&) noexcept = default;
NativeNetwork& NativeNetwork::operator=(NativeNetwork&&) noexcept = default;

void NativeNetwork::set_parameters(const ParameterValues& parameters) {
  impl_->set_parameters(parameters);
}
void NativeNetwork::set_running_statistics(const std::unordered_map<std::string, RunningStatistics>& statistics) {
  impl_->set_running_statistics(statistics);
}
void NativeNetwork::forward(const float* images, const std::vector<float*>& logits) {
  impl_->forward(images, logits);
}
void NativeNetwork::backward(const std::vector<const float*>& logit_gradients, const ParameterGradients& gradients) {
  impl_->backward(logit_gradients, gradients);
}
void NativeNetwork::watch(Watch watch) {
  impl_->watch = std::move(watch);
}
std::int64_t NativeNetwork::bytes() const {
  return impl_->bytes();
}

}  // namespace nnunet
