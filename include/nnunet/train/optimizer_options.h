#pragma once
#include <string>

namespace nnunet {

struct OptimizerOptions {
  std::string name = "radam";  ///< radam, adam (decoupled weight decay: AdamW) or sgd
  double learning_rate = 0.001;
  double momentum = 0.99;        ///< sgd
  double weight_decay = 0.0001;  ///< not sgd
};

}  // namespace nnunet
