#include "build.h"

#include <algorithm>

#include "nnunet/core/error.h"

namespace nnunet::native {

using kernels::ConvShape;
using Kind = GraphNode::Kind;

namespace {

[[noreturn]] void refuse(const GraphNode& node) {
  throw Error("native engine", "it does not compute a network with \"" + node.name + "\" where it stands",
              "choose the engine libtorch");
}

/// (z,y,x) of (z,y,x) or (y,x).
Sizes3 three(const std::vector<std::int64_t>& sizes, std::int64_t missing) {
  Sizes3 result{missing, missing, missing};
  for (std::size_t i = 0; i < sizes.size(); ++i) result[3 - sizes.size() + i] = sizes[i];
  return result;
}

/// How far a value of the graph has been computed, and by whom.
template <class T>
struct Made {
  bool images = false;
  ConvStep<T>* conv = nullptr;  ///< its result, or (normed) that of its norm; neither has been activated
  bool normed = false;
  SumStep<T>* sum = nullptr;  ///< to be activated
  Feature<T>*feature = nullptr, *second = nullptr;
};

template <class T>
class StepBuilder {
 public:
  StepBuilder(const NetworkPlan& plan, const NetworkGraph& graph, const std::vector<Sizes3>& sizes,
              std::int64_t samples, const NativeOptions& options)
      : plan_(plan), graph_(graph), sizes_(sizes), samples_(samples), options_(options), readers_(graph.readers()) {}

  Steps<T> build() {
    steps_.heads.resize(graph_.outputs.size());
    made_.resize(graph_.nodes.size() + 1);
    made_[0].images = true;
    for (node_ = 0; node_ < graph_.nodes.size(); ++node_) made_[node_ + 1] = make(graph_.nodes[node_], node_ + 1);
    for (const auto& step : steps_.all)
      for (Feature<T>* f : step->reads) ++f->readers;
    return std::move(steps_);
  }

 private:
  Made<T> make(const GraphNode& node, std::size_t value) {
    switch (node.kind) {
      case Kind::conv:
        return make_conv(node, value);
      case Kind::transposed_conv:
        return of(add(std::make_unique<UpStep<T>>(node, transposed(node, value), feature_of(node, 0), options_)));
      case Kind::norm:
        return make_norm(node);
      case Kind::leaky_relu:
        return make_activation(node, value);
      case Kind::add:
        return make_sum(node);
      case Kind::concat: {
        Made<T> pair;
        pair.feature = &feature_of(node, 0);
        pair.second = &feature_of(node, 1);
        return pair;
      }
      case Kind::mean_pool:
        return of(add(std::make_unique<PoolStep<T>>(written(node, 0), three(node.stride, 1))));
    }
    refuse(node);
  }

  Made<T> make_conv(const GraphNode& node, std::size_t value) {
    const auto output = std::ranges::find(graph_.outputs, value);
    ConvShape shape = convolution(node, value);
    if (output != graph_.outputs.end()) {
      shape.coarse.plain = true;
      HeadStep<T>* head = add(std::make_unique<HeadStep<T>>(node, shape, feature_of(node, 0), options_));
      steps_.heads[static_cast<std::size_t>(output - graph_.outputs.begin())] = head;
      return {};
    }
    if (readers_[value] != 1) refuse(node);
    Made<T> made;
    made.conv = add(std::make_unique<ConvStep<T>>(node, shape, joined(node), options_));
    steps_.convs.push_back(made.conv);
    return made;
  }

  Made<T> make_norm(const GraphNode& node) {
    Made<T> made = made_[node.inputs.front()];
    if (made.conv == nullptr || made.normed) refuse(node);
    made.conv->set_norm(node.name, plan_.norm, options_);
    made.normed = true;
    return made;
  }

  Made<T> make_activation(const GraphNode& node, std::size_t value) {
    const Made<T>& made = made_[node.inputs.front()];
    if (readers_[node.inputs.front()] != 1) refuse(node);
    const auto slope = static_cast<float>(plan_.negative_slope);
    if (made.sum) {
      made.sum->out.slope = slope;
      return of(made.sum);
    }
    if (made.conv == nullptr || !made.normed) refuse(node);
    if (read_as_it_is(value)) {
      SumStep<T>* const activation = add(std::make_unique<SumStep<T>>(*made.conv, nullptr, nullptr, false));
      activation->out.slope = slope;
      return of(activation);
    }
    made.conv->out.slope = slope;
    return of(made.conv);
  }

  Made<T> make_sum(const GraphNode& node) {
    const Made<T>&main = made_[node.inputs[0]], &other = made_[node.inputs[1]];
    const auto normed_alone = [&](std::size_t i) {
      return made_[node.inputs[i]].conv && made_[node.inputs[i]].normed && readers_[node.inputs[i]] == 1;
    };
    if (!normed_alone(0)) refuse(node);
    Made<T> made;
    made.sum =
        add(std::make_unique<SumStep<T>>(*main.conv, normed_alone(1) ? other.conv : nullptr,
                                         normed_alone(1) || other.images ? nullptr : &written(node, 1), other.images));
    return made;
  }

  /// Whether an addition or pooling reads a value.
  bool read_as_it_is(std::size_t value) const {
    return std::ranges::any_of(graph_.nodes, [&](const GraphNode& node) {
      return (node.kind == Kind::add || node.kind == Kind::mean_pool) &&
             std::ranges::find(node.inputs, value) != node.inputs.end();
    });
  }

  Feature<T>& feature_of(const GraphNode& node, std::size_t input) const {
    const Made<T>& made = made_[node.inputs[input]];
    if (made.feature == nullptr || made.second != nullptr) refuse(node);
    return *made.feature;
  }
  Feature<T>& written(const GraphNode& node, std::size_t input) const {
    Feature<T>& feature = feature_of(node, input);
    if (feature.norm != nullptr) refuse(node);
    return feature;
  }

  Joined<T> joined(const GraphNode& node) const {
    const Made<T>& made = made_[node.inputs.front()];
    if (!made.images && made.feature == nullptr) refuse(node);
    return {made.images, made.feature, made.second};
  }

  ConvShape convolution(const GraphNode& node, std::size_t value) const {
    const std::size_t input = node.inputs.front();
    const Feature<T>* const second = made_[input].second;
    ConvShape s;
    s.samples = samples_;
    const std::int64_t more = second ? second->x.channels : 0;
    s.fine = {node.in_channels - more, more, sizes_[input], made_[input].images};
    s.coarse = {node.channels, 0, sizes_[value], false};
    s.kernel = three(node.kernel, 1);
    s.stride = three(node.stride, 1);
    s.padding = three(node.padding, 0);
    return s;
  }
  ConvShape transposed(const GraphNode& node, std::size_t value) const {
    ConvShape s;
    s.samples = samples_;
    s.fine = {node.channels, 0, sizes_[value], false};
    s.coarse = {node.in_channels, 0, sizes_[node.inputs.front()], false};
    s.kernel = s.stride = three(node.stride, 1);
    return s;
  }

  template <class S>
  S* add(std::unique_ptr<S> step) {
    S* const raw = step.get();
    raw->node = node_;
    steps_.all.push_back(std::move(step));
    return raw;
  }
  static Made<T> of(Step<T>* step) {
    Made<T> made;
    made.feature = &step->out;
    return made;
  }

  const NetworkPlan& plan_;
  const NetworkGraph& graph_;
  const std::vector<Sizes3>& sizes_;
  std::int64_t samples_;
  const NativeOptions& options_;
  std::vector<int> readers_;
  std::size_t node_ = 0;       ///< that is being built
  std::vector<Made<T>> made_;  ///< by value
  Steps<T> steps_;
};

}  // namespace

template <class T>
Steps<T> build_steps(const NetworkPlan& plan, const NetworkGraph& graph, const std::vector<Sizes3>& sizes,
                     std::int64_t samples, const NativeOptions& options) {
  return StepBuilder<T>(plan, graph, sizes, samples, options).build();
}

template Steps<float> build_steps(const NetworkPlan&, const NetworkGraph&, const std::vector<Sizes3>&, std::int64_t,
                                  const NativeOptions&);
template Steps<kernels::Bfloat16> build_steps(const NetworkPlan&, const NetworkGraph&, const std::vector<Sizes3>&,
                                              std::int64_t, const NativeOptions&);

}  // namespace nnunet::native
