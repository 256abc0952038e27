#include "step_graph.h"

#include "nnunet/core/error.h"

#ifdef NNUNET_CUDA
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace nnunet {

#ifdef NNUNET_CUDA

struct StepGraph::State {
  explicit State(torch::Device on)
      : device(on), stream(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, on.index())) {}

  /// On the stream that recording needs; before and after it everything has come to rest.
  StepResult aside(const std::function<StepResult()>& body) const {
    c10::cuda::getCurrentCUDAStream(device.index()).synchronize();
    StepResult first;
    {
      const c10::cuda::CUDAStreamGuard guard(stream);
      first = body();
    }
    stream.synchronize();
    return first;
  }

  torch::Device device;
  c10::cuda::CUDAStream stream;
  at::cuda::CUDAGraph graph;
  int warm = 0;                // steps so far
  torch::Tensor image, label;  // the recorded step's; undefined before
  StepResult result;           // likewise
};

StepGraph::StepGraph(torch::Device device) {
  if (!device.is_cuda()) throw Error("--cuda_graphs", "they need a GPU", "leave it out on a CPU");
  state_ = std::make_unique<State>(device);
}

StepResult StepGraph::run(const torch::Tensor& image, const torch::Tensor& label, const Compute& compute) {
  constexpr int kWarmUp = 3;  // as torch's own examples do
  State& s = *state_;
  const auto moved = [&](const torch::Tensor& t) { return t.to(s.device, /*non_blocking=*/true); };
  if (s.warm < kWarmUp) {
    ++s.warm;
    return s.aside([&] { return compute(moved(image), moved(label)); });
  }
  if (!s.image.defined()) {
    s.image = moved(image);
    s.label = moved(label);
    s.result = s.aside([&] {
      // Other threads prepare batches meanwhile and may allocate pinned memory.
      s.graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
      const StepResult result = compute(s.image, s.label);
      s.graph.capture_end();
      return result;
    });
  } else if (image.sizes() == s.image.sizes() && label.sizes() == s.label.sizes()) {
    s.image.copy_(image, /*non_blocking=*/true);
    s.label.copy_(label, /*non_blocking=*/true);
  } else {
    return compute(moved(image), moved(label));
  }
  s.graph.replay();
  return {s.result.loss.clone(), s.result.found_inf.clone()};  // the next replay overwrites them
}

#else

struct StepGraph::State {};

StepGraph::StepGraph(torch::Device) {
  throw Error("--cuda_graphs", "this program was built without CUDA", "leave it out");
}

StepResult StepGraph::run(const torch::Tensor& image, const torch::Tensor& label, const Compute& compute) {
  return compute(image, label);
}

#endif

StepGraph::~StepGraph() = default;

}  // namespace nnunet
