#include "nnunet/infer/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "mapped_case.h"
#include "nnunet/core/error.h"
#include "nnunet/core/progress.h"

namespace nnunet {

DiceMetric::DiceMetric(int n_class)
    : sums_(static_cast<std::size_t>(n_class - 1), 0.0), cases_(static_cast<std::size_t>(n_class - 1), 0) {}

void DiceMetric::add(const Array<std::uint8_t>& prediction, const LabelView& label) {
  if (label.shape != prediction.shape)
    throw Error("Dice", fmt::format("the prediction's shape {} is not the label's {}", shape_text(prediction.shape),
                                    shape_text(label.shape)));
  std::array<std::int64_t, 256> predicted{}, labelled{}, both{};
  const std::span<const std::uint8_t> t = label.values;
  for (std::size_t i = 0; i < prediction.values.size(); ++i) {
    const std::uint8_t p = prediction.values[i];
    ++predicted[p];
    ++labelled[t[i]];
    both[p] += p == t[i];
  }
  for (std::size_t k = 0; k < sums_.size(); ++k) {
    sums_[k] += case_dice(both[k + 1], predicted[k + 1], labelled[k + 1]);
    cases_[k] += predicted[k + 1] + labelled[k + 1] > 0 ? 1 : 0;
  }
  ++volumes_;
}

ValidationResult DiceMetric::result() const {
  ValidationResult r;
  r.volumes = volumes_;
  for (std::size_t k = 0; k < sums_.size(); ++k)
    r.dice.push_back({volumes_ == 0 ? 0.0 : 100.0 * sums_[k] / static_cast<double>(volumes_), cases_[k]});
  r.mean_dice = mean_dice(r.dice);
  return r;
}

void DiceMetric::combine(const std::function<void(std::span<double>)>& sum, double& with) {
  std::vector<double> all = sums_;
  all.insert(all.end(), cases_.begin(), cases_.end());
  all.push_back(static_cast<double>(volumes_));
  all.push_back(with);
  sum(all);
  with = all.back();
  volumes_ = static_cast<std::int64_t>(all[all.size() - 2]);
  std::copy_n(all.begin(), sums_.size(), sums_.begin());
  for (std::size_t k = 0; k < cases_.size(); ++k) cases_[k] = static_cast<std::int64_t>(all[sums_.size() + k]);
}

namespace {

/// One validation's cases, one after another.
class Validation {
 public:
  Validation(const PreprocessedFolder& folder, WindowLane& lane, const LossFunction& loss, const WindowOptions& windows)
      : folder_(folder), lane_(lane), loss_(loss), windows_(windows), metric_(folder.config().n_class) {}

  void add(const std::string& name, BadCases* bad_cases) {
    const auto opened = open(name, bad_cases);
    if (!opened) return;
    const MappedCase& c = *opened;
    // Planes of 2D training folders are cropped to the patch, so their one window is the whole slice.
    LabelSink labels;
    LogitVolume logits;  // the loss needs them all
    const auto report = loss_ ? stream_windows(c.image(), lane_, windows_, {&labels, &logits})
                              : stream_windows(c.image(), lane_, windows_, {&labels});
    if (report.classes != folder_.config().n_class)
      throw Error(name,
                  fmt::format("the network has {} classes, config.json {}", report.classes, folder_.config().n_class),
                  "use the checkpoint of this task");
    metric_.add(labels.labels(), c.label());
    if (loss_) loss_sum_ += loss_(logits.logits(), c.label());
  }

  ValidationResult result(const ValidationOptions& options) {
    if (options.sum) metric_.combine(options.sum, loss_sum_);
    if (metric_.volumes() == 0) throw Error(folder_.path().string(), "none of the validation cases can be read");
    ValidationResult r = metric_.result();
    r.loss = loss_sum_ / static_cast<double>(metric_.volumes());
    return r;
  }

 private:
  std::optional<MappedCase> open(const std::string& name, BadCases* bad_cases) const try {
    return open_case(folder_, name, true);
  } catch (const Error& error) {
    if (bad_cases == nullptr) throw;
    bad_cases->add(name, error);
    return std::nullopt;
  }

  const PreprocessedFolder& folder_;
  WindowLane& lane_;
  const LossFunction& loss_;
  const WindowOptions& windows_;
  DiceMetric metric_;
  double loss_sum_ = 0;
};

}  // namespace

ValidationResult validate(const PreprocessedFolder& folder, const std::vector<std::string>& cases, WindowLane& lane,
                          const LossFunction& loss, const WindowOptions& windows, const ValidationOptions& options) {
  const auto all = static_cast<std::int64_t>(cases.size());
  const std::int64_t count = options.limit > 0 ? std::min(options.limit, all) : all;
  if (count == 0) throw Error(folder.path().string(), "there is no case to validate");
  const std::int64_t rank = options.rank, processes = options.processes;

  Validation validation(folder, lane, loss, windows);
  Progress progress("validate", count, "cases");
  for (std::int64_t round = 0; round < count; round += processes) {
    if (options.before_case) options.before_case();
    if (round + rank < count) validation.add(cases[static_cast<std::size_t>(round + rank)], options.bad_cases);
    progress.advance(std::min(processes, count - round));
  }
  return validation.result(options);
}

}  // namespace nnunet
