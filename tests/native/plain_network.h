#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "nnunet/native/native_network.h"

/// A graph's operators one after the other by their definition, in double precision: what the native engine is held
/// against. Instance norm only.
namespace nnunet::test {

using Sizes3 = std::array<std::int64_t, 3>;

struct PlainTensor {
  std::int64_t samples = 0, channels = 0;
  Sizes3 size{};
  std::vector<double> values;  ///< (N,C,D,H,W)

  PlainTensor() = default;
  PlainTensor(std::int64_t n, std::int64_t c, const Sizes3& s)
      : samples(n), channels(c), size(s), values(static_cast<std::size_t>(n * c * s[0] * s[1] * s[2])) {}
  std::int64_t voxels() const { return size[0] * size[1] * size[2]; }
  double& at(std::int64_t n, std::int64_t c, const Sizes3& p) {
    return values[static_cast<std::size_t>((((n * channels + c) * size[0] + p[0]) * size[1] + p[1]) * size[2] + p[2])];
  }
  bool inside(const Sizes3& p) const {
    for (std::size_t a = 0; a < 3; ++a)
      if (p[a] < 0 || p[a] >= size[a]) return false;
    return true;
  }
};

template <class Body>
void for_each_position(const Sizes3& size, const Body& body) {
  for (std::int64_t z = 0; z < size[0]; ++z)
    for (std::int64_t y = 0; y < size[1]; ++y)
      for (std::int64_t x = 0; x < size[2]; ++x) body(Sizes3{z, y, x});
}

/// (z,y,x) of (z,y,x) or (y,x).
inline Sizes3 three_of(const std::vector<std::int64_t>& sizes, std::int64_t missing) {
  Sizes3 result{missing, missing, missing};
  for (std::size_t i = 0; i < sizes.size(); ++i) result[3 - sizes.size() + i] = sizes[i];
  return result;
}

class PlainNetwork {
 public:
  using Parameters = std::map<std::string, std::vector<float>>;

  PlainNetwork(const NetworkPlan& plan, const NetworkGraph& graph, const Parameters& parameters)
      : plan_(plan), graph_(graph), parameters_(parameters) {}

  /// Of the first output.
  std::vector<double> logits(PlainTensor images) {
    std::vector<PlainTensor> made{std::move(images)};
    for (std::size_t i = 0; i < graph_.outputs.front(); ++i) made.push_back(compute(graph_.nodes[i], made));
    return made[graph_.outputs.front()].values;
  }

 private:
  using Kind = GraphNode::Kind;

  PlainTensor compute(const GraphNode& node, std::vector<PlainTensor>& made) const {
    PlainTensor& x = made[node.inputs.front()];
    switch (node.kind) {
      case Kind::conv:
        return convolution(node, x);
      case Kind::transposed_conv:
        return transposed(node, x);
      case Kind::norm:
        return norm(node, x);
      case Kind::leaky_relu: {
        PlainTensor y = x;
        for (double& v : y.values) v = v < 0 ? v * plan_.negative_slope : v;
        return y;
      }
      case Kind::add: {
        PlainTensor y = x;
        const PlainTensor& other = made[node.inputs[1]];
        for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] += other.values[i];
        return y;
      }
      case Kind::concat:
        return concatenated(x, made[node.inputs[1]]);
      case Kind::mean_pool:
        return pooled(node, x);
    }
    return {};
  }

  std::vector<double> weights(const GraphNode& node) const {
    const std::vector<float>& w = parameters_.at(node.name + ".weight");
    return {w.begin(), w.end()};
  }
  double bias(const GraphNode& node, std::int64_t channel) const {
    return node.bias ? static_cast<double>(parameters_.at(node.name + ".bias")[static_cast<std::size_t>(channel)]) : 0;
  }

  PlainTensor convolution(const GraphNode& node, PlainTensor& x) const {
    const std::vector<double> w = weights(node);
    const Sizes3 kernel = three_of(node.kernel, 1), stride = three_of(node.stride, 1),
                 padding = three_of(node.padding, 0);
    Sizes3 size;
    for (std::size_t a = 0; a < 3; ++a) size[a] = (x.size[a] + 2 * padding[a] - kernel[a]) / stride[a] + 1;
    PlainTensor y(x.samples, node.channels, size);
    for (std::int64_t n = 0; n < x.samples; ++n)
      for (std::int64_t o = 0; o < node.channels; ++o)
        for_each_position(size, [&](const Sizes3& p) {
          double sum = bias(node, o);
          for (std::int64_t i = 0; i < x.channels; ++i) {
            std::int64_t tap = (o * x.channels + i) * kernel[0] * kernel[1] * kernel[2];
            for_each_position(kernel, [&](const Sizes3& k) {
              Sizes3 from;
              for (std::size_t a = 0; a < 3; ++a) from[a] = p[a] * stride[a] + k[a] - padding[a];
              if (x.inside(from)) sum += x.at(n, i, from) * w[static_cast<std::size_t>(tap)];
              ++tap;
            });
          }
          y.at(n, o, p) = sum;
        });
    return y;
  }

  PlainTensor transposed(const GraphNode& node, PlainTensor& x) const {
    const std::vector<double> w = weights(node);
    const Sizes3 kernel = three_of(node.kernel, 1);
    PlainTensor y(x.samples, node.channels, {x.size[0] * kernel[0], x.size[1] * kernel[1], x.size[2] * kernel[2]});
    for (std::int64_t n = 0; n < x.samples; ++n)
      for (std::int64_t o = 0; o < node.channels; ++o)
        for_each_position(y.size, [&](const Sizes3& p) {
          const Sizes3 from{p[0] / kernel[0], p[1] / kernel[1], p[2] / kernel[2]};
          const std::int64_t tap = (p[0] % kernel[0] * kernel[1] + p[1] % kernel[1]) * kernel[2] + p[2] % kernel[2];
          double sum = bias(node, o);
          for (std::int64_t i = 0; i < x.channels; ++i)
            sum += x.at(n, i, from) *
                   w[static_cast<std::size_t>((i * node.channels + o) * kernel[0] * kernel[1] * kernel[2] + tap)];
          y.at(n, o, p) = sum;
        });
    return y;
  }

  PlainTensor norm(const GraphNode& node, const PlainTensor& x) const {
    const std::vector<double> w = weights(node);
    PlainTensor y = x;
    const std::int64_t voxels = x.voxels();
    for (std::int64_t plane = 0; plane < x.samples * x.channels; ++plane) {
      double* const v = y.values.data() + plane * voxels;
      double mean = 0, variance = 0;
      for (std::int64_t i = 0; i < voxels; ++i) mean += v[i] / static_cast<double>(voxels);
      for (std::int64_t i = 0; i < voxels; ++i) variance += (v[i] - mean) * (v[i] - mean) / static_cast<double>(voxels);
      const std::int64_t c = plane % x.channels;
      for (std::int64_t i = 0; i < voxels; ++i)
        v[i] = (v[i] - mean) / std::sqrt(variance + kNormEpsilon) * w[static_cast<std::size_t>(c)] + bias(node, c);
    }
    return y;
  }

  static PlainTensor concatenated(PlainTensor& a, PlainTensor& b) {
    PlainTensor y(a.samples, a.channels + b.channels, a.size);
    for (std::int64_t n = 0; n < a.samples; ++n)
      for (std::int64_t c = 0; c < y.channels; ++c)
        for_each_position(a.size, [&](const Sizes3& p) {
          y.at(n, c, p) = c < a.channels ? a.at(n, c, p) : b.at(n, c - a.channels, p);
        });
    return y;
  }

  static PlainTensor pooled(const GraphNode& node, PlainTensor& x) {
    const Sizes3 stride = three_of(node.stride, 1);
    PlainTensor y(x.samples, x.channels, {x.size[0] / stride[0], x.size[1] / stride[1], x.size[2] / stride[2]});
    const auto count = static_cast<double>(stride[0] * stride[1] * stride[2]);
    for (std::int64_t n = 0; n < x.samples; ++n)
      for (std::int64_t c = 0; c < x.channels; ++c)
        for_each_position(y.size, [&](const Sizes3& p) {
          for_each_position(stride, [&](const Sizes3& k) {
            y.at(n, c, p) +=
                x.at(n, c, {p[0] * stride[0] + k[0], p[1] * stride[1] + k[1], p[2] * stride[2] + k[2]}) / count;
          });
        });
    return y;
  }

  const NetworkPlan& plan_;
  const NetworkGraph& graph_;
  const Parameters& parameters_;
};

}  // namespace nnunet::test
