#include "peak.h"

#include <ATen/Context.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace nnunet {

namespace {

/// Lets matrix products use TF32 like the convolutions, for its lifetime.
class Tf32AsConvolutions {
 public:
  Tf32AsConvolutions() : former_(at::globalContext().allowTF32CuBLAS()), used_(at::globalContext().allowTF32CuDNN()) {
    at::globalContext().setAllowTF32CuBLAS(used_);
  }
  ~Tf32AsConvolutions() { at::globalContext().setAllowTF32CuBLAS(former_); }
  Tf32AsConvolutions(const Tf32AsConvolutions&) = delete;
  Tf32AsConvolutions& operator=(const Tf32AsConvolutions&) = delete;
  bool used() const { return used_; }

 private:
  bool former_, used_;
};

Peak measure_gpu_peak(Precision precision, torch::Device device) {
  constexpr std::int64_t kSize = 8192;
  constexpr int kRepeats = 10;
  const torch::NoGradGuard no_grad;
  const Tf32AsConvolutions tf32;
  const auto type = precision == Precision::fp32   ? torch::kFloat32
                    : precision == Precision::bf16 ? torch::kBFloat16
                                                   : torch::kFloat16;
  const auto a = torch::randn({kSize, kSize}, torch::TensorOptions().dtype(type).device(device));
  torch::Tensor product = at::mm(a, a);  // chooses the algorithm
  double best = 1e9;
  for (int i = 0; i < kRepeats; ++i) {
    torch::cuda::synchronize(device.index());
    const auto start = std::chrono::steady_clock::now();
    at::mm_out(product, a, a);
    torch::cuda::synchronize(device.index());
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  const auto n = static_cast<double>(kSize);
  const std::string name = precision == Precision::fp32 && tf32.used() ? "TF32" : precision_name(precision);
  return {2 * n * n * n / best / 1e9, fmt::format("{} matrix product {} x {}", name, kSize, kSize)};
}

}  // namespace

Peak measure_peak(Precision precision, torch::Device device) {
  if (device.is_cuda()) return measure_gpu_peak(precision, device);
  return measure_cpu_peak(precision != Precision::fp32);
}

}  // namespace nnunet
