#pragma once
#include <string>

namespace nnunet {

struct OptimizerOptions {
  /// The reference system's: radam, adam (decoupled weight decay: AdamW), sgd (heavy ball momentum).
  /// nnU-Net v2's: nesterov (SGD with Nesterov's momentum and weight decay, both as torch's SGD has them),
  /// adamw_amsgrad (AdamW with the largest second moment so far), adam_l2 (weight decay as a part of the gradient).
  std::string name = "radam";
  double learning_rate = 0.001;
  double momentum = 0.99;        ///< sgd, nesterov
  double weight_decay = 0.0001;  ///< not sgd; of every parameter that has a gradient
};

}  // namespace nnunet
