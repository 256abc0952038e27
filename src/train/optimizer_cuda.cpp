#include "optimizer_cuda.h"

#ifdef NNUNET_CUDA
#include "nnunet/kernels/cuda.h"
#include "nnunet/network/kernel_call.h"

namespace nnunet {
namespace {

namespace cuda = kernels::cuda;

cuda::OptimizerState state_of(const CudaStep& s) {
  return {s.learning_rate.const_data_ptr<double>(),
          s.step.defined() ? s.step.mutable_data_ptr<std::int64_t>() : nullptr,
          s.found_inf.defined() ? s.found_inf.const_data_ptr<float>() : nullptr};
}

/// update(list) for one list of tensors after the other.
template <class Update>
void for_lists(const CudaStep& s, const Update& update) {
  cuda::OptimizerTensors list;
  for (std::size_t i = 0; i < s.parameters.size(); ++i) {
    list.parameter[list.size] = s.parameters[i].mutable_data_ptr<float>();
    list.gradient[list.size] = s.gradients[i].const_data_ptr<float>();
    list.first[list.size] = s.first[i].mutable_data_ptr<float>();
    if (!s.second.empty()) list.second[list.size] = s.second[i].mutable_data_ptr<float>();
    list.count[list.size] = s.parameters[i].numel();
    if (++list.size < cuda::kOptimizerTensors && i + 1 < s.parameters.size()) continue;
    update(list);
    list = {};
  }
}

}  // namespace

void cuda_adam_step(const kernels::AdamRule& rule, const CudaStep& s) {
  const CudaCall call(s.learning_rate);
  const cuda::OptimizerState state = state_of(s);
  const torch::Tensor room = call.workspace(sizeof(kernels::AdamStep), s.learning_rate);
  auto* const plan = static_cast<kernels::AdamStep*>(room.mutable_data_ptr());
  cuda::adam_plan(rule, state, plan, call.stream());
  for_lists(s, [&](const cuda::OptimizerTensors& list) { cuda::adam_update(list, state, plan, call.stream()); });
}

void cuda_sgd_step(const kernels::SgdRule& rule, const CudaStep& s) {
  const CudaCall call(s.learning_rate);
  for_lists(s, [&](const cuda::OptimizerTensors& list) { cuda::sgd_update(list, state_of(s), rule, call.stream()); });
}

}  // namespace nnunet
#endif
