#pragma once
#include <c10/core/Event.h>
#include <torch/torch.h>

#include <optional>

#include "nnunet/data/loader.h"
#include "nnunet/train/step.h"

namespace nnunet {

/// Looks at what steps gave without holding up a GPU: there a step's numbers are read when the next one has been
/// started; on a CPU at once.
class StepWatch {
 public:
  struct Seen {
    double loss = 0;
    bool skipped = false;  ///< its gradients were not finite: nothing was changed
    Batch batch;
  };

  explicit StepWatch(torch::Device device) : device_(device) {}
  /// Takes over the batch of the step just started.
  std::optional<Seen> add(const StepResult& result, Batch& batch);
  /// The step that is still to be seen, if any. Waits for it.
  std::optional<Seen> last();

 private:
  struct Waiting {
    torch::Tensor numbers;  ///< loss, found_inf
    Batch batch;
    std::optional<c10::Event> copied;
  };

  torch::Device device_;
  std::optional<Waiting> waiting_;
};

}  // namespace nnunet
