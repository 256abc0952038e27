#include "diagnose.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "augment_cuda.h"
#include "batch_tensors.h"
#include "nnunet/torch_bridge/autocast.h"

namespace nnunet {

namespace {

bool finite(const torch::Tensor& t) {
  return torch::isfinite(t).all().item<bool>();
}

/// 2D batches hold several slices of a case.
const std::string& case_of(const Batch& batch, std::int64_t sample) {
  const auto cases = static_cast<std::int64_t>(batch.cases.size());
  return batch.cases[static_cast<std::size_t>(sample * cases / batch.image_shape[0])];
}

std::string in_images(const Batch& batch, const torch::Tensor& image) {
  for (std::int64_t i = 0; i < image.size(0); ++i)
    if (!finite(image[i]))
      return fmt::format("the image of case {} holds values that are not finite", case_of(batch, i));
  return {};
}

std::string in_parameters(const UNet& network) {
  for (const auto& item : network->named_parameters())
    if (!finite(item.value())) return fmt::format("the network's \"{}\" is not finite", item.key());
  return {};
}

}  // namespace

std::string where_not_finite(UNet& network, const Batch& batch, Precision precision, torch::Device device) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor image = is_plain(batch) ? augment_on_gpu(batch, device).first : image_tensor(batch);
  if (std::string found = in_images(batch, image); !found.empty()) return found;
  if (std::string found = in_parameters(network); !found.empty()) return found;
  const bool training = network->is_training();
  network->eval();  // running statistics stay as they are
  std::string found;
  network->observe([&](const std::string& block, const torch::Tensor& output) {
    for (std::int64_t i = 0; found.empty() && i < output.size(0); ++i)
      if (!finite(output[i]))
        found = fmt::format("case {} is not finite behind the block \"{}\"", case_of(batch, i), block);
  });
  {
    const AutocastScope autocast(precision, device);
    network->forward(image.to(device));
  }
  network->observe({});
  network->train(training);
  if (!found.empty()) return found;
  return fmt::format("the logits of the cases {} are finite, what follows from them is not",
                     fmt::join(batch.cases, ", "));
}

}  // namespace nnunet
