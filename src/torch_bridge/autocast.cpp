#include "nnunet/torch_bridge/autocast.h"

#include <ATen/autocast_mode.h>

namespace nnunet {

AutocastScope::AutocastScope(Precision precision, torch::Device device)
    : active_(precision != Precision::fp32), type_(device.type()) {
  if (!active_) return;
  former_enabled_ = at::autocast::is_autocast_enabled(type_);
  former_type_ = at::autocast::get_autocast_dtype(type_);
  at::autocast::set_autocast_enabled(type_, true);
  at::autocast::set_autocast_dtype(type_, precision == Precision::bf16 ? at::kBFloat16 : at::kHalf);
  at::autocast::increment_nesting();
}

AutocastScope::~AutocastScope() {
  if (!active_) return;
  if (at::autocast::decrement_nesting() == 0)
    at::autocast::clear_cache();  // the weights' copies are stale after a step
  at::autocast::set_autocast_enabled(type_, former_enabled_);
  at::autocast::set_autocast_dtype(type_, former_type_);
}

}  // namespace nnunet
