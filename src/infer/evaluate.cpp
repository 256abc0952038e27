#include "nnunet/infer/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "mapped_case.h"
#include "nnunet/core/error.h"
#include "nnunet/core/progress.h"

namespace nnunet {

DiceMetric::DiceMetric(int n_class) : sums_(static_cast<std::size_t>(n_class - 1), 0.0) {}

void DiceMetric::add(const Array<std::uint8_t>& prediction, const torch::Tensor& label) {
  if (label.sizes().vec() != prediction.shape)
    throw Error("Dice", fmt::format("the prediction's shape {} is not the label's {}", shape_text(prediction.shape),
                                    shape_text(label.sizes())));
  const auto truth = label.contiguous();
  std::array<std::int64_t, 256> predicted{}, labelled{}, both{};
  const std::uint8_t* t = truth.const_data_ptr<std::uint8_t>();
  for (std::size_t i = 0; i < prediction.values.size(); ++i) {
    const std::uint8_t p = prediction.values[i];
    ++predicted[p];
    ++labelled[t[i]];
    both[p] += p == t[i];
  }
  for (std::size_t k = 0; k < sums_.size(); ++k) {
    const std::int64_t size = predicted[k + 1] + labelled[k + 1];  // 2TP + FP + FN
    sums_[k] += size == 0 ? 1.0 : 2.0 * static_cast<double>(both[k + 1]) / static_cast<double>(size);
  }
  ++volumes_;
}

std::vector<double> DiceMetric::percent() const {
  std::vector<double> result = sums_;
  for (double& value : result) value = volumes_ == 0 ? 0.0 : 100.0 * value / static_cast<double>(volumes_);
  return result;
}

ValidationResult validate(const PreprocessedFolder& folder, const std::vector<std::string>& cases,
                          const ForwardFunction& forward, const LossFunction& loss, const WindowOptions& options,
                          std::int64_t limit) {
  torch::NoGradGuard no_grad;
  const int n_class = folder.config().n_class;
  const auto all = static_cast<std::int64_t>(cases.size());
  const std::int64_t count = limit > 0 ? std::min(limit, all) : all;
  if (count == 0) throw Error(folder.path().string(), "there is no case to validate");

  DiceMetric metric(n_class);
  double loss_sum = 0;
  Progress progress("validate", count, "cases");
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string& name = cases[static_cast<std::size_t>(i)];
    const MappedCase c = open_case(folder, name, true);

    // Planes of 2D training folders are cropped to the patch, so their one window is the whole slice.
    LabelSink labels;
    LogitVolume logits;  // the loss needs them all
    const auto report = loss ? stream_windows(c.image, forward, options, {&labels, &logits})
                             : stream_windows(c.image, forward, options, {&labels});
    if (report.classes != n_class)
      throw Error(name, fmt::format("the network has {} classes, config.json {}", report.classes, n_class),
                  "use the checkpoint of this task");
    metric.add(labels.labels(), c.label[0]);
    if (loss) loss_sum += loss(logits.logits().unsqueeze(0), c.label).item<double>();
    progress.advance();
  }

  ValidationResult result;
  result.dice = metric.percent();
  result.mean_dice =
      std::accumulate(result.dice.begin(), result.dice.end(), 0.0) / static_cast<double>(result.dice.size());
  result.loss = loss_sum / static_cast<double>(count);
  result.volumes = metric.volumes();
  return result;
}

}  // namespace nnunet
