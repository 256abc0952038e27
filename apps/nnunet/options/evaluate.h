#pragma once
#include "inference_options.h"

namespace nnunet::app {

Command evaluate_command(InferenceFlags& flags);

}  // namespace nnunet::app
