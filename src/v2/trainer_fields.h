#pragma once
#include "nnunet/v2/trainer_recipe.h"

namespace nnunet::v2 {

/// Calls field("name", member) for each field that a recipe of one's own may set.
template <class Recipe, class Field>
void for_each_field(Recipe& r, Field&& field) {
  field("epochs", r.epochs);
  field("iterations", r.iterations);
  field("validation_iterations", r.validation_iterations);
  field("loss", r.loss);
  field("dice_smooth", r.dice_smooth);
  field("topk_share", r.topk_share);
  field("label_smoothing", r.label_smoothing);
  field("deep_supervision", r.deep_supervision);
  field("optimizer", r.optimizer);
  field("learning_rate", r.learning_rate);
  field("momentum", r.momentum);
  field("weight_decay", r.weight_decay);
  field("schedule", r.schedule);
  field("warmup_epochs", r.warmup_epochs);
  field("gradient_clip", r.gradient_clip);
  field("forced_share", r.forced_share);
  field("probabilistic_oversampling", r.probabilistic_oversampling);
  field("augmentation", r.augmentation);
  field("mirroring", r.mirroring);
  field("may_be_dummy_2d", r.may_be_dummy_2d);
  field("image_order", r.image_order);
  field("label_order", r.label_order);
  field("cascade_share", r.cascade_share);
  field("checkpoints", r.checkpoints);
  field("final_validation", r.final_validation);
}

}  // namespace nnunet::v2
