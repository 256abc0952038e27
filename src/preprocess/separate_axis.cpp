#include <algorithm>

#include "nnunet/preprocess/resample.h"

namespace nnunet {

namespace {

bool is_anisotropic(const Spacing3& spacing, const ResamplingRule& rule) {
  const auto [least, most] = std::minmax_element(spacing.begin(), spacing.end());
  const double ratio = *most / *least;
  return rule.above_anisotropy ? ratio > rule.anisotropy : ratio >= rule.anisotropy;
}

// Nothing where two axes share the largest spacing.
std::optional<int> coarsest_axis(const Spacing3& spacing) {
  const auto most = std::max_element(spacing.begin(), spacing.end());
  if (std::count(spacing.begin(), spacing.end(), *most) > 1) return std::nullopt;
  return static_cast<int>(most - spacing.begin());
}

}  // namespace

std::optional<int> separate_axis(const ResamplingRule& rule, const Spacing3& current, const Spacing3& target) {
  if (rule.separate_axis == SeparateAxis::never) return std::nullopt;
  const bool always = rule.separate_axis == SeparateAxis::always, by_current = always || is_anisotropic(current, rule);
  if (!by_current && !is_anisotropic(target, rule)) return std::nullopt;
  if (rule.across == AcrossAxis::first) return 0;
  return coarsest_axis(by_current ? current : target);
}

}  // namespace nnunet
