#include "norm_state.h"

#include <algorithm>
#include <cmath>

namespace nnunet::native {
namespace {

using kernels::Moments;

}  // namespace

NormState::NormState(Norm k, std::int64_t n, std::int64_t c, const NativeOptions& options)
    : kind(k), samples(n), channels(c), row(kernels::blocks_of(c) * kernels::kBlock), training(options.training) {
  const auto all = static_cast<std::size_t>(n * row);
  for (auto* v : {&gamma, &beta}) v->resize(static_cast<std::size_t>(row));
  for (auto* v : {&scale, &shift, &rstd, &offset}) v->resize(all);
  moments.resize(all);
  if (!options.gradients) return;
  for (auto* v : {&gradient_scale, &gradient_shift, &input_scale}) v->resize(all);
  sums.resize(all * 2);
}

void NormState::set_parameters(const float* gamma_values, const float* beta_values) {
  std::copy_n(gamma_values, channels, gamma.begin());
  std::copy_n(beta_values, channels, beta.begin());
}

template <class Body>
void NormState::for_each_group(const Body& body) const {
  std::vector<std::size_t> members;
  const auto at = [this](std::int64_t n, std::int64_t c) { return static_cast<std::size_t>(n * row + c); };
  if (kind == Norm::batch) {
    for (std::int64_t c = 0; c < channels; ++c) {
      members.clear();
      for (std::int64_t n = 0; n < samples; ++n) members.push_back(at(n, c));
      body(members);
    }
    return;
  }
  const std::int64_t size = kind == Norm::group ? channels / kNormGroups : 1;
  for (std::int64_t n = 0; n < samples; ++n)
    for (std::int64_t c = 0; c < channels; c += size) {
      members.clear();
      for (std::int64_t i = 0; i < size; ++i) members.push_back(at(n, c + i));
      body(members);
    }
}

void NormState::track(std::int64_t channel, const Moments& m, double count) const {
  const auto blend = [](float& value, double with) {
    value = static_cast<float>((1 - kNormMomentum) * static_cast<double>(value) + kNormMomentum * with);
  };
  blend(running.mean[channel], m.mean);
  blend(running.variance[channel], m.variance * count / (count - 1));
}

void NormState::finish_forward(std::int64_t voxels) {
  for_each_group([&](const std::vector<std::size_t>& members) {
    Moments together;
    const auto share = 1 / static_cast<double>(members.size());
    for (const std::size_t i : members) together.mean += moments[i].mean * share;
    for (const std::size_t i : members) {
      const double away = moments[i].mean - together.mean;
      together.variance += (moments[i].variance + away * away) * share;
    }
    const auto channel = static_cast<std::int64_t>(members.front()) % row;
    if (tracked())
      together = {static_cast<double>(running.mean[channel]), static_cast<double>(running.variance[channel])};
    if (kind == Norm::batch && training)
      track(channel, together, static_cast<double>(voxels) * static_cast<double>(members.size()));
    const double r = 1 / std::sqrt(together.variance + kNormEpsilon);
    for (const std::size_t i : members) {
      const auto c = i % static_cast<std::size_t>(row);
      const double g = static_cast<double>(gamma[c]);
      rstd[i] = static_cast<float>(r);
      offset[i] = static_cast<float>(-together.mean * r);
      scale[i] = static_cast<float>(g * r);
      shift[i] = static_cast<float>(static_cast<double>(beta[c]) - together.mean * r * g);
    }
  });
}

// With G = gamma g', and means over the values that share statistics:
// dx = rstd (G - mean(G) - xhat mean(G xhat)), xhat = x rstd + offset.
void NormState::finish_backward(std::int64_t voxels, float* gamma_gradient, float* beta_gradient) {
  for_each_group([&](const std::vector<std::size_t>& members) {
    double level = 0, slant = 0;
    const double count = static_cast<double>(voxels) * static_cast<double>(members.size());
    for (const std::size_t i : members) {
      const auto g = static_cast<double>(gamma[i % static_cast<std::size_t>(row)]);
      level += g * sums[2 * i] / count;
      slant += g * sums[2 * i + 1] / count;
    }
    for (const std::size_t i : members) {
      const auto r = static_cast<double>(rstd[i]), o = static_cast<double>(offset[i]);
      gradient_scale[i] = scale[i];
      input_scale[i] = static_cast<float>(-r * r * slant);
      gradient_shift[i] = static_cast<float>(-r * (level + o * slant));
    }
  });
  for (std::int64_t c = 0; c < channels; ++c) {
    double g = 0, b = 0;
    for (std::int64_t n = 0; n < samples; ++n) {
      b += sums[static_cast<std::size_t>(2 * (n * row + c))];
      g += sums[static_cast<std::size_t>(2 * (n * row + c) + 1)];
    }
    gamma_gradient[c] = static_cast<float>(g);
    beta_gradient[c] = static_cast<float>(b);
  }
}

void NormState::sum_input_gradient(std::int64_t voxels, float* sums_of_channels) const {
  for (std::int64_t c = 0; c < channels; ++c) {
    double sum = 0;
    for (std::int64_t n = 0; n < samples; ++n) {
      const auto i = static_cast<std::size_t>(n * row + c);
      sum += static_cast<double>(gradient_scale[i]) * sums[2 * i] +
             static_cast<double>(voxels) *
                 (static_cast<double>(input_scale[i]) * moments[i].mean + static_cast<double>(gradient_shift[i]));
    }
    sums_of_channels[c] = static_cast<float>(sum);
  }
}

}  // namespace nnunet::native
