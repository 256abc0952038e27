#include "nnunet/plan/model_plan.h"

#include "field_check.h"
#include "nnunet/core/array.h"

namespace nnunet {

namespace {

void check_network_fits(const NetworkPlan& network, const ModelPlan& plan, const std::string& name) {
  const FieldCheck check(name, "network.");
  check_network_plan(network, name);
  check.require(network.dim == plan.dim(), "dim",
                fmt::format("is {}, window.patch has {} sizes", network.dim, plan.dim()));
  check.require(
      network.in_channels == plan.input_channels(), "in_channels",
      fmt::format("is {}, but {} channels are put in: {} of the image{}", network.in_channels, plan.input_channels(),
                  plan.channels(), plan.previous_stage ? ", one for each foreground label of the previous stage" : ""));
  check.require(network.n_class == plan.labels.heads(), "n_class",
                fmt::format("is {}, but the labels need {} heads", network.n_class, plan.labels.heads()));
  const std::vector<std::int64_t> multiple = total_stride(network);
  for (std::size_t axis = 0; axis < multiple.size(); ++axis)
    check.require(plan.window.patch[axis] % multiple[axis] == 0, "strides",
                  fmt::format("multiply to {}, window.patch {} is no multiple of them", shape_text(multiple),
                              shape_text(plan.window.patch)));
}

}  // namespace

void check_model_plan(const ModelPlan& plan, const std::string& name) {
  check_preprocess_plan(plan.preprocess, name);
  check_sliding_window_plan(plan.window, name);
  check_label_spec(plan.labels, name);
  FieldCheck(name, "preprocess.")
      .require(plan.preprocess.spacing.size() == plan.window.patch.size(), "spacing",
               fmt::format("has {} entries, window.patch has {}", plan.preprocess.spacing.size(), plan.dim()));
  if (plan.network) check_network_fits(*plan.network, plan, name);
}

}  // namespace nnunet
