#include "launch.h"
#include "nnunet/kernels/cuda.h"
#include "optimizer_stages.h"

namespace nnunet::kernels::cuda {

void adam_plan(const AdamRule& rule, const OptimizerState& state, AdamStep* plan, Stream stream) {
  launch("adam_plan", stream, AdamPlan{rule, state, plan});
}

void adam_update(const OptimizerTensors& tensors, const OptimizerState& state, const AdamStep* plan, Stream stream) {
  launch("adam_update", stream, AdamUpdate{OptimizerTiles(tensors), tensors, state, plan});
}

void sgd_update(const OptimizerTensors& tensors, const OptimizerState& state, const SgdRule& rule, Stream stream) {
  launch("sgd_update", stream, SgdUpdate{OptimizerTiles(tensors), tensors, state, rule});
}

}  // namespace nnunet::kernels::cuda
