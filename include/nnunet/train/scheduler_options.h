#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace nnunet {

struct SchedulerOptions {
  std::string name = "none";             ///< none, multistep, cosine, plateau
  std::vector<std::int64_t> steps = {};  ///< multistep: epochs
  double factor = 0.3;                   ///< multistep, plateau
  std::int64_t lr_patience = 70;         ///< plateau
  std::int64_t max_epochs = 10000;       ///< cosine: length of the half wave
};

}  // namespace nnunet
