#pragma once
#include <algorithm>
#include <random>

#include "nnunet/plan/model_plan.h"
#include "reference/random_plan.h"

namespace nnunet::test {

/// Draws a plan with any value that its fields can have and that fit together.
class RandomModelPlan {
 public:
  explicit RandomModelPlan(std::uint32_t seed) : seed_(seed), rng_(seed) {}

  ModelPlan draw() {
    NetworkPlan network = random_plan(seed_);
    ModelPlan plan;
    plan.labels = labels();
    plan.previous_stage = one_of(0, 3) == 0;
    plan.preprocess = preprocess(network.dim, one_of(1, 4));
    plan.window = window(total_stride(network));
    network.in_channels = plan.input_channels();
    network.n_class = plan.labels.heads();
    if (network.naming == Naming::reference && network.n_class < 2) network = as_v2(network);
    if (one_of(0, 4) > 0) plan.network = network;
    return plan;
  }

 private:
  int one_of(int low, int high) { return std::uniform_int_distribution<int>(low, high)(rng_); }
  bool coin() { return one_of(0, 1) == 1; }
  double real(double low, double high) { return std::uniform_real_distribution<double>(low, high)(rng_); }
  /// One of the first `count` values of an enum.
  template <class Enum>
  Enum any(int count) {
    return static_cast<Enum>(one_of(0, count - 1));
  }

  static NetworkPlan as_v2(NetworkPlan network) {
    network.naming = Naming::nnunet_v2;
    return network;
  }

  ChannelNormalization channel() {
    ChannelNormalization c;
    c.scheme = any<NormalizationScheme>(5);
    c.least_std = coin() ? 0 : 1e-8;
    if (c.scheme == NormalizationScheme::z_score) c.use_mask = coin();
    if (c.scheme == NormalizationScheme::ct && coin())
      c.statistics = CtStats{real(-1000, 0), real(0, 1000), real(-100, 100), real(0.1, 300)};
    return c;
  }

  ResamplingRule rule() {
    ResamplingRule r;
    r.method = any<Resampler>(3);
    r.order = one_of(0, 3);
    r.order_across = one_of(0, 3);
    r.separate_axis = any<SeparateAxis>(3);
    r.across = any<AcrossAxis>(2);
    r.anisotropy = real(1, 5);
    r.above_anisotropy = coin();
    return r;
  }

  PreprocessPlan preprocess(int dim, int channels) {
    PreprocessPlan p;
    p.reorient = coin();
    std::shuffle(p.transpose.begin(), p.transpose.end(), rng_);
    p.crop = any<CropRule>(3);
    for (int i = 0; i < channels; ++i) p.channels.push_back(channel());
    p.normalization = any<NormalizationPlace>(2);
    for (int i = 0; i < dim; ++i) p.spacing.push_back(real(0.1, 9));
    p.size_rounding = any<SizeRounding>(2);
    p.resample_when = any<ResamplingCondition>(2);
    p.image = rule();
    p.label = rule();
    p.logits = rule();
    p.label_vote = any<LabelVote>(3);
    p.training_fit = any<TrainingFit>(2);
    return p;
  }

  SlidingWindowPlan window(const std::vector<std::int64_t>& multiple) {
    SlidingWindowPlan w;
    for (const std::int64_t m : multiple) w.patch.push_back(m * one_of(1, 8));
    w.overlap = real(0, 0.99);
    w.starts = any<StartRule>(2);
    w.weights = any<WindowWeights>(3);
    w.sigma = real(0.01, 1);
    for (int axis = 0; axis < w.dim(); ++axis)
      if (coin()) w.mirror_axes.push_back(axis);
    w.mirror = !w.mirror_axes.empty() && coin();
    w.mirrored_unit = any<MirroredUnit>(2);
    w.sums = any<SumType>(2);
    return w;
  }

  LabelSpec labels() {
    LabelSpec l;
    l.decision = any<LabelDecision>(2);
    const int foreground = one_of(1, 4);
    for (int value = 0; value <= foreground; ++value) {
      l.entries.push_back({coin() ? "label " + std::to_string(value) : "", {value}});
      if (l.decision == LabelDecision::sigmoid && value > 0) {
        for (int other = value + 1; other <= foreground; ++other)
          if (coin()) l.entries.back().values.push_back(other);
        l.region_values.push_back(one_of(0, 9));
      }
    }
    if (coin()) l.ignore = foreground + 1;
    l.type = any<LabelType>(2);
    return l;
  }

  std::uint32_t seed_;
  std::mt19937 rng_;
};

inline ModelPlan random_model_plan(std::uint32_t seed) {
  return RandomModelPlan(seed).draw();
}

}  // namespace nnunet::test
