#include "nnunet/train/v2_loss.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "nnunet/core/array.h"
#include "nnunet/core/error.h"
#include "v2_loss_parts.h"

namespace nnunet {

namespace {

/// The largest value that a label may have.
std::int64_t largest_label(const V2LossOptions& options, std::int64_t channels) {
  return options.label_values(channels) - (options.ignore_label ? 0 : 1);
}

void check_shapes(const torch::Tensor& logits, const torch::Tensor& label, const V2LossOptions& options) {
  bool fits = logits.dim() >= 3 && label.dim() == logits.dim() - 1 && logits.size(0) == label.size(0) &&
              logits.size(1) >= (options.regions.empty() ? 2 : 1);
  for (std::int64_t axis = 1; fits && axis < label.dim(); ++axis) fits = label.size(axis) == logits.size(axis + 1);
  if (!fits)
    throw Error("loss",
                fmt::format("logits {} do not fit labels {}", shape_text(logits.sizes()), shape_text(label.sizes())),
                "give logits (N,K,spatial) with K >= 2 and labels (N,spatial)");
  const std::int64_t channels = logits.size(1);
  if (!options.regions.empty() && std::ssize(options.regions) != channels)
    throw Error("loss", fmt::format("{} regions for {} channels", options.regions.size(), channels),
                "give each channel a region");
  if (options.ignore_label && *options.ignore_label != options.label_values(channels))
    throw Error("loss",
                fmt::format("the ignore label is {}, the labels are 0 to {}", *options.ignore_label,
                            options.label_values(channels) - 1),
                "give it the value after the last label");
}

/// On a GPU that would mean to wait: not_a_label decides there.
void check_labels(const torch::Tensor& label, std::int64_t largest) {
  if (!label.is_cpu() || label.numel() == 0) return;
  const auto found = label.max().item<std::int64_t>();
  if (found > largest)
    throw Error("loss", fmt::format("the label {} is none of 0 to {}", found, largest),
                "check the labels of the dataset against its dataset.json");
}

torch::Tensor not_a_label(const torch::Tensor& loss, const torch::Tensor& label, std::int64_t largest) {
  if (label.is_cpu()) return loss;
  return torch::where((label > largest).any(), torch::full_like(loss, std::numeric_limits<double>::quiet_NaN()), loss);
}

/// Minus the mean over the classes, without the background where it is one of them.
torch::Tensor dice_of(const LossParts& sums, const V2LossOptions& options) {
  const std::int64_t first = options.regions.empty() ? 1 : 0;
  const auto part = [&](const torch::Tensor& t) { return t.slice(-1, first); };
  const torch::Tensor sizes = part(sums.probability) + part(sums.label) + options.smooth;
  return (2 * part(sums.intersection) + options.smooth) / sizes.clamp_min(1e-8);
}

/// What depends on the sums over all processes, in one message: Dice's sums, or with a Dice of each sample the Dices'
/// sum and their number; then the cross entropy's sum and number.
struct Message {
  Message(LossParts parts, const V2LossOptions& options) : dice(options.dice_weight != 0), batch(options.batch_dice) {
    if (dice && batch) {
      for (torch::Tensor* t : {&parts.intersection, &parts.probability, &parts.label})
        entries.push_back(t->sum(0).flatten());
    } else if (dice) {
      const torch::Tensor each = dice_of(parts, options);
      entries.push_back(each.sum().view(1));
      entries.push_back(torch::full({1}, each.numel(), each.options()));
    }
    entries.push_back(parts.voxel_sum.view(1));
    entries.push_back(parts.voxel_count.to(parts.voxel_sum.scalar_type()).view(1));
  }

  torch::Tensor loss(const torch::Tensor& sums, const V2LossOptions& options) const {
    torch::Tensor result = options.voxel_weight * sums[-2] / sums[-1].detach().clamp_min(1);
    if (!dice) return result;
    if (!batch) return result - options.dice_weight * sums[0] / sums[1].detach();
    const std::int64_t classes = entries.front().numel();
    LossParts parts;
    parts.intersection = sums.slice(0, 0, classes);
    parts.probability = sums.slice(0, classes, 2 * classes);
    parts.label = sums.slice(0, 2 * classes, 3 * classes).detach();
    return result - options.dice_weight * dice_of(parts, options).mean();
  }

  bool dice, batch;
  std::vector<torch::Tensor> entries;
};

torch::Tensor loss_from(LossParts parts, const V2LossOptions& options, const ProcessGroup* group) {
  const Message message(std::move(parts), options);
  torch::Tensor sums = torch::cat(message.entries);
  if (group != nullptr) sums = global_sum(*group, sums);
  return message.loss(sums, options);
}

torch::Tensor loss_of(const torch::Tensor& logits, const torch::Tensor& label, const V2LossOptions& options,
                      const ProcessGroup* group, bool plain) {
  check_shapes(logits, label, options);
  const std::int64_t largest = largest_label(options, logits.size(1));
  check_labels(label, largest);
  std::optional<LossParts> parts = plain ? std::nullopt : fused_parts(logits, label, options);
  if (!parts) parts = plain_parts(logits, label, options);
  const torch::Tensor loss = not_a_label(loss_from(std::move(*parts), options, group), label, largest);
  return logits.scalar_type() == torch::kDouble ? loss : loss.to(torch::kFloat);
}

}  // namespace

void check_v2_loss(const V2LossOptions& o) {
  const auto refuse = [](const std::string& problem) { throw Error("loss", problem, "mend the trainer's options"); };
  if (!(o.dice_weight >= 0) || !(o.voxel_weight >= 0) || o.dice_weight + o.voxel_weight == 0)
    refuse("the weights of Dice and cross entropy are negative or both 0");
  if (!(o.top_k >= 0 && o.top_k <= 100) || !(o.label_smoothing >= 0 && o.label_smoothing < 1))
    refuse("the share of top-k is no percentage, or the label smoothing is not below 1");
  if (o.regions.empty()) return;
  if (o.top_k > 0 || o.label_smoothing > 0) refuse("regions have neither top-k nor label smoothing");
  const std::size_t values = o.regions.front().size();
  if (values == 0 || values > 255 || std::ranges::any_of(o.regions, [&](const auto& r) { return r.size() != values; }))
    refuse("the regions' table does not say of each label, 255 at most, whether it belongs to each region");
}

torch::Tensor v2_loss(const torch::Tensor& logits, const torch::Tensor& label, const V2LossOptions& options,
                      const ProcessGroup* group) {
  return loss_of(logits, label, options, group, false);
}

torch::Tensor plain_v2_loss(const torch::Tensor& logits, const torch::Tensor& label, const V2LossOptions& options,
                            const ProcessGroup* group) {
  return loss_of(logits, label, options, group, true);
}

V2LossOptions v2_loss_options(const LabelSpec& labels, bool batch_dice) {
  V2LossOptions options{.batch_dice = batch_dice, .ignore_label = labels.ignore};
  int largest = 0;
  for (const LabelEntry& entry : labels.entries) largest = std::max(largest, std::ranges::max(entry.values));
  if (largest + (labels.ignore ? 1 : 0) > 254)
    throw Error("labels", fmt::format("the largest is {}", largest), "train with at most 254 labels");
  if (labels.decision == LabelDecision::argmax) return options;
  for (const LabelEntry& region : labels.regions()) {
    auto& row = options.regions.emplace_back(static_cast<std::size_t>(largest + 1), false);
    for (const int value : region.values) row[static_cast<std::size_t>(value)] = true;
  }
  return options;
}

std::vector<double> deep_supervision_weights(std::size_t heads) {
  if (heads <= 1) return {1.0};
  std::vector<double> weights(heads, 0.0);
  double sum = 0;
  for (std::size_t i = 0; i + 1 < heads; ++i) sum += weights[i] = std::ldexp(1.0, -static_cast<int>(i));
  for (double& w : weights) w /= sum;
  return weights;
}

}  // namespace nnunet
