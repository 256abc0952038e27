#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace nnunet {

struct SchedulerOptions {
  /// The reference system's: none, multistep, cosine, plateau. nnU-Net v2's: poly, warmup_poly, and cosine.
  std::string name = "none";
  std::vector<std::int64_t> steps = {};  ///< multistep: epochs
  double factor = 0.3;                   ///< multistep, plateau
  std::int64_t lr_patience = 70;         ///< plateau
  std::int64_t max_epochs = 10000;       ///< cosine: length of the half wave; poly: epochs in all
  double exponent = 0.9;                 ///< poly
  std::int64_t warmup_epochs = 50;       ///< warmup_poly: epochs of rising rates before the others
};

}  // namespace nnunet
