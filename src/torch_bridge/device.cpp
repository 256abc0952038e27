#include "nnunet/torch_bridge/device.h"

namespace nnunet {

torch::Device to_torch(Device device) {
  return device.is_cpu() ? torch::Device(torch::kCPU)
                         : torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(device.gpu));
}

Device from_torch(torch::Device device) {
  return device.is_cpu() ? kCpu : Device{std::max<int>(0, device.index())};
}

int torch_gpus() {
  return static_cast<int>(torch::cuda::device_count());
}

void allow_tf32() {
  at::globalContext().setAllowTF32CuBLAS(true);
  at::globalContext().setAllowTF32CuDNN(true);
}

torch::Device choose_torch_device(int gpus, const JobPlace& place) {
  const Device device = choose_device(gpus, torch_gpus(), place);
  if (!device.is_cpu()) allow_tf32();
  return to_torch(device);
}

}  // namespace nnunet
