#pragma once
#include <torch/torch.h>

#include "nnunet/kernels/bfloat16.h"
#include "nnunet/kernels/half.h"

#ifdef NNUNET_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

/// Handing tensors to the kernels.
namespace nnunet {

/// Whether the kernels take this device and element type: float32 and bfloat16 on CPUs, these and float16 on GPUs.
inline bool has_kernel_type(const torch::Tensor& t) {
  const auto type = t.scalar_type();
#ifdef NNUNET_CUDA
  if (t.is_cuda()) return type == torch::kFloat || type == torch::kBFloat16 || type == torch::kHalf;
#endif
  return t.is_cpu() && (type == torch::kFloat || type == torch::kBFloat16);
}

/// Calls with a value of the kernels' element type.
template <class Call>
void for_kernel_type(const torch::Tensor& t, const Call& call) {
  if (t.scalar_type() == torch::kFloat) return call(float{});
  if (t.scalar_type() == torch::kHalf) return call(kernels::Half{});
  call(kernels::Bfloat16{});
}

/// The CPU has no kernels for float16.
template <class T>
inline constexpr bool on_cpu = !std::is_same_v<T, kernels::Half>;

template <class T>
T* kernel_data(const torch::Tensor& t) {
  return static_cast<T*>(t.mutable_data_ptr());
}
template <class T>
const T* kernel_const_data(const torch::Tensor& t) {
  return static_cast<const T*>(t.const_data_ptr());
}

#ifdef NNUNET_CUDA
/// While it lives the tensor's GPU is the current one; its stream, and room on it.
class CudaCall {
 public:
  explicit CudaCall(const torch::Tensor& t) : guard_(t.device()) {}
  void* stream() const { return c10::cuda::getCurrentCUDAStream().stream(); }
  static torch::Tensor workspace(std::int64_t bytes, const torch::Tensor& t) {
    return torch::empty({bytes}, t.options().dtype(torch::kByte).memory_format(torch::MemoryFormat::Contiguous));
  }

 private:
  c10::cuda::CUDAGuard guard_;
};
#endif

}  // namespace nnunet
