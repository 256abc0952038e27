#include <cmath>

#include "nnunet/core/parallel.h"
#include "nnunet/core/random.h"
#include "nnunet/network/unet.h"

namespace nnunet {

namespace {

constexpr std::uint32_t kWeightStream = 0x77656967;  // apart from the streams that draw samples

/// Fan in as torch counts it: the second axis times the kernel (for transposed convolutions too).
double fan_in(const torch::Tensor& weight) {
  return static_cast<double>(weight.numel()) / static_cast<double>(weight.size(0));
}

/// Kaiming normal (He et al., "Delving deep into rectifiers", ICCV 2015) for leaky rectifiers.
void fill_normal(torch::Tensor& values, double deviation, CounterRng rng) {
  float* const v = values.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < values.numel(); ++i) v[i] = static_cast<float>(deviation) * rng.normal();
}

void fill_uniform(torch::Tensor& values, double bound, CounterRng rng) {
  float* const v = values.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < values.numel(); ++i)
    v[i] = rng.uniform(static_cast<float>(-bound), static_cast<float>(bound));
}

/// as_reference: the library's default for transposed convolutions.
void initialize_conv(ConvImpl& conv, double slope, bool as_reference, std::uint64_t seed, std::uint32_t index) {
  const torch::NoGradGuard no_grad;  // a property of each thread
  torch::Tensor weight = torch::empty(conv.weight.sizes(), torch::kFloat);
  const CounterRng rng(seed, 0, index, kWeightStream), bias_rng(seed, 1, index, kWeightStream);
  if (conv.transposed() && as_reference) {
    const double bound = 1 / std::sqrt(fan_in(weight));
    fill_uniform(weight, bound, rng);
    torch::Tensor bias = torch::empty(conv.bias.sizes(), torch::kFloat);
    fill_uniform(bias, bound, bias_rng);
    conv.bias.copy_(bias);
  } else {
    fill_normal(weight, std::sqrt(2 / (1 + slope * slope) / fan_in(weight)), rng);
    if (conv.bias.defined()) conv.bias.zero_();
  }
  conv.weight.copy_(weight);
}

void initialize_norm(NormLayerImpl& norm) {
  const torch::NoGradGuard no_grad;
  norm.weight.fill_(norm.starts_at_zero ? 0 : 1);
  norm.bias.zero_();
  if (!norm.running_mean.defined()) return;
  norm.running_mean.zero_();
  norm.running_var.fill_(1);
  norm.num_batches_tracked.zero_();
}

}  // namespace

void UNetImpl::initialize(std::uint64_t seed) {
  std::vector<ConvImpl*> convolutions;
  for (const auto& conv : convs_)
    if (conv) convolutions.push_back(conv.get());
  for (const auto& [name, norm] : norms()) initialize_norm(*norm);
  parallel_for(static_cast<std::int64_t>(convolutions.size()), 0, [&](std::int64_t i) {
    initialize_conv(*convolutions[static_cast<std::size_t>(i)], plan_.negative_slope, plan_.naming == Naming::reference,
                    seed, static_cast<std::uint32_t>(i));
  });
}

}  // namespace nnunet
