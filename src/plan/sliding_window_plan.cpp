#include "nnunet/plan/sliding_window_plan.h"

#include <algorithm>
#include <functional>

#include "field_check.h"
#include "nnunet/core/limits.h"

namespace nnunet {

void check_sliding_window_plan(const SlidingWindowPlan& plan, const std::string& name) {
  constexpr double most_side = 1 << 20, most_sigma = 1000;
  const FieldCheck check(name, "window.");
  check.require(plan.dim() == 2 || plan.dim() == 3, "patch", fmt::format("has {} entries, not 2 or 3", plan.dim()));
  double voxels = 1;
  for (const std::int64_t size : plan.patch) {
    check.within(static_cast<double>(size), 1, most_side, "patch");
    voxels *= static_cast<double>(size);
  }
  check.require(voxels <= static_cast<double>(limits::image_voxels), "patch",
                fmt::format("has more than {} voxels", limits::image_voxels));
  check.require(plan.overlap >= 0 && plan.overlap < 1, "overlap",
                fmt::format("holds {}, it must be at least 0 and below 1", plan.overlap));
  check.require(plan.sigma > 0, "sigma", fmt::format("holds {}, it must be above 0", plan.sigma));
  check.within(plan.sigma, 0, most_sigma, "sigma");
  for (const int axis : plan.mirror_axes) check.within(axis, 0, plan.dim() - 1, "mirror_axes");
  const bool ascending = std::ranges::adjacent_find(plan.mirror_axes, std::greater_equal<>()) == plan.mirror_axes.end();
  check.require(ascending, "mirror_axes", "does not hold different axes in ascending order");
  check.require(!plan.mirror || !plan.mirror_axes.empty(), "mirror", "is true, but there are no mirror_axes");
}

}  // namespace nnunet
