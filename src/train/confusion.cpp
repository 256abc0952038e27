#include "nnunet/train/confusion.h"

#include "nnunet/core/error.h"
#include "v2_loss_parts.h"

namespace nnunet {

namespace {

/// How often each pair of (first, second) occurs, (rows, columns), on the CPU. The voxels' values, int64.
torch::Tensor joint_histogram(const torch::Tensor& first, const torch::Tensor& second, std::int64_t rows,
                              std::int64_t columns) {
  return torch::bincount(first * columns + second, {}, rows * columns).view({rows, columns}).cpu();
}

std::vector<double> numbers(const torch::Tensor& counts) {
  const torch::Tensor c = counts.to(torch::kDouble).contiguous();
  return {c.const_data_ptr<double>(), c.const_data_ptr<double>() + c.numel()};
}

Confusion of_classes(const torch::Tensor& logits, const torch::Tensor& label) {
  const std::int64_t classes = logits.size(1);
  // The ignore label is a column of its own, which is left out.
  const torch::Tensor counts =
      joint_histogram(logits.argmax(1).flatten(), label.flatten().to(torch::kLong), classes, classes + 1)
          .slice(1, 0, classes);
  const torch::Tensor tp = counts.diagonal();
  return {numbers(tp.slice(0, 1)), numbers((counts.sum(1) - tp).slice(0, 1)),
          numbers((counts.sum(0) - tp).slice(0, 1))};
}

Confusion of_regions(const torch::Tensor& logits, const torch::Tensor& label, const V2LossOptions& options) {
  const std::int64_t regions = logits.size(1), values = options.label_values(regions);
  const torch::Tensor members = member_table(options).slice(1, 0, values).to(torch::kLong);
  const torch::Tensor labels = label.flatten().to(torch::kLong);
  Confusion c;
  for (std::int64_t r = 0; r < regions; ++r) {
    const torch::Tensor found = (at::sigmoid(logits.select(1, r)) > 0.5).flatten().to(torch::kLong);
    const torch::Tensor counts = joint_histogram(found, labels, 2, values + 1).slice(1, 0, values);
    const torch::Tensor inside = members[r], with = counts[1], without = counts[0];
    c.tp.push_back((with * inside).sum().item<double>());
    c.fp.push_back((with * (1 - inside)).sum().item<double>());
    c.fn.push_back((without * inside).sum().item<double>());
  }
  return c;
}

}  // namespace

Confusion& Confusion::operator+=(const Confusion& other) {
  if (tp.empty()) return *this = other;
  for (auto part : {&Confusion::tp, &Confusion::fp, &Confusion::fn})
    for (std::size_t i = 0; i < tp.size(); ++i) (this->*part)[i] += (other.*part)[i];
  return *this;
}

std::vector<double> Confusion::dice() const {
  std::vector<double> all;
  for (std::size_t i = 0; i < tp.size(); ++i) all.push_back(2 * tp[i] / (2 * tp[i] + fp[i] + fn[i]));
  return all;
}

Confusion count_confusion(const torch::Tensor& logits, const torch::Tensor& label, const V2LossOptions& options) {
  const torch::NoGradGuard no_grad;
  const std::int64_t values = options.label_values(logits.size(1));
  if (label.numel() > 0 && label.max().item<std::int64_t>() > values - (options.ignore_label ? 0 : 1))
    throw Error("pseudo Dice", "a label is none of the dataset's", "check the labels against its dataset.json");
  return options.regions.empty() ? of_classes(logits, label) : of_regions(logits, label, options);
}

}  // namespace nnunet
