#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "nnunet/plan/label_spec.h"
#include "nnunet/plan/plan.h"
#include "nnunet/plan/preprocess_plan.h"
#include "nnunet/plan/sliding_window_plan.h"

namespace nnunet {

/// Everything that turns an image into a label map, except the weights. Dimension, channels and classes are stated
/// once: by window.patch, preprocess.channels and labels; the network has to agree with them.
struct ModelPlan {
  PreprocessPlan preprocess;
  std::optional<NetworkPlan> network = {};  ///< nothing in a preprocessed folder: a training chooses it
  SlidingWindowPlan window;
  LabelSpec labels;
  /// The label map of a cascade's previous stage is an input, too: one more channel for each foreground label.
  bool previous_stage = false;

  int dim() const { return window.dim(); }
  int channels() const { return static_cast<int>(preprocess.channels.size()); }
  /// Channels that the network takes.
  int input_channels() const { return channels() + (previous_stage ? labels.foreground_labels() : 0); }

  bool operator==(const ModelPlan&) const = default;
};

/// Throws Error (subject: name) for a part that cannot be, or parts that do not fit together, and says which field.
void check_model_plan(const ModelPlan& plan, const std::string& name);

/// An object with a "version" and all fields.
nlohmann::json model_plan_to_json(const ModelPlan& plan);
/// Throws Error (subject: name) for missing, ill-typed and unknown fields, and what check_model_plan refuses. where:
/// the object's place in the file, for messages.
ModelPlan model_plan_from_json(const nlohmann::json& json, const std::string& name, const std::string& where = {});

/// The first field in which two plans differ, as `"window.overlap" is 0.5, not 0.25`; empty: none.
std::string first_difference(const ModelPlan& plan, const ModelPlan& other);

}  // namespace nnunet
