#include "nnunet/plan/preprocess_plan.h"

#include <algorithm>
#include <limits>

#include "field_check.h"

namespace nnunet {

namespace {

constexpr double kMost = std::numeric_limits<double>::max();
constexpr std::size_t kMostChannels = 1024;

void check_channel(const ChannelNormalization& channel, const std::string& field, const FieldCheck& check) {
  const bool is_ct = channel.scheme == NormalizationScheme::ct;
  check.require(is_ct || !channel.statistics, field + ".statistics", "belongs to the scheme \"ct\"");
  check.require(!channel.use_mask || channel.scheme == NormalizationScheme::z_score, field + ".use_mask",
                "belongs to the scheme \"z_score\"");
  check.within(channel.least_std, 0, kMost, field + ".least_std");
  if (!channel.statistics) return;
  const CtStats& ct = *channel.statistics;
  check.within(ct.min, -kMost, kMost, field + ".statistics.min");
  check.within(ct.max, ct.min, kMost, field + ".statistics.max");
  check.within(ct.mean, -kMost, kMost, field + ".statistics.mean");
  const double least = channel.least_std > 0 ? 0 : std::numeric_limits<double>::denorm_min();
  check.within(ct.std, least, kMost, field + ".statistics.std");
}

void check_resampling(const ResamplingRule& rule, const std::string& field, const FieldCheck& check) {
  check.within(rule.order, 0, 3, field + ".order");
  check.within(rule.order_across, 0, 3, field + ".order_across");
  check.within(rule.anisotropy, 1, kMost, field + ".anisotropy");
}

}  // namespace

void check_preprocess_plan(const PreprocessPlan& plan, const std::string& name) {
  const FieldCheck check(name, "preprocess.");
  std::array<int, 3> axes = plan.transpose;
  std::ranges::sort(axes);
  check.require(axes == std::array<int, 3>{0, 1, 2}, "transpose", "does not hold each of the axes 0, 1, 2 once");
  check.require(!plan.channels.empty() && plan.channels.size() <= kMostChannels, "channels",
                fmt::format("has {} entries, allowed are 1 to {}", plan.channels.size(), kMostChannels));
  for (std::size_t i = 0; i < plan.channels.size(); ++i)
    check_channel(plan.channels[i], fmt::format("channels[{}]", i), check);
  check.require(plan.spacing.size() == 2 || plan.spacing.size() == 3, "spacing",
                fmt::format("has {} entries, not 2 or 3", plan.spacing.size()));
  for (const double spacing : plan.spacing)
    check.require(std::isfinite(spacing) && spacing > 0, "spacing", fmt::format("holds {} mm", spacing));
  check_resampling(plan.image, "image", check);
  check_resampling(plan.label, "label", check);
  check_resampling(plan.logits, "logits", check);
}

}  // namespace nnunet
