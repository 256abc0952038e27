// Both ways from logits and labels to the sums of which nnU-Net v2's loss is made.
#include <algorithm>

#include "nnunet/kernels/segmentation_loss.h"
#include "nnunet/network/kernel_call.h"
#include "nnunet/network/memory_format.h"
#include "v2_loss_parts.h"

namespace nnunet {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

kernels::LossShape shape_of(const torch::Tensor& logits) {
  const std::int64_t samples = logits.size(0), classes = logits.size(1);
  return {samples, classes, logits.numel() / (samples * classes), kernel_layout(logits)};
}

kernels::RegionTable table_of(const torch::Tensor& members, std::int64_t labels) {
  return {members.const_data_ptr<float>(), labels};
}

/// The kernels' sums, double: intersection, probability, label (N K each), the voxelwise term (1). members: regions'
/// table, or empty for classes; labels: how many values it has.
class KernelSums : public torch::autograd::Function<KernelSums> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& logits, const torch::Tensor& label,
                               const torch::Tensor& members, std::int64_t labels) {
    const torch::Tensor input = dense(logits), target = label.contiguous();
    context->save_for_backward({input, target, members});
    context->saved_data["labels"] = labels;
    kernels::LossSums s;
    for_kernel_type(input, [&](auto type) {
      using T = decltype(type);
      if constexpr (on_cpu<T>) {
        const auto* const x = kernel_const_data<T>(input);
        const auto* const y = target.const_data_ptr<std::uint8_t>();
        s = members.numel() == 0 ? kernels::loss_forward(x, y, shape_of(input), /*focal=*/false)
                                 : kernels::region_loss_forward(x, y, shape_of(input), table_of(members, labels));
      }
    });
    std::vector<double> all = std::move(s.intersection);
    all.insert(all.end(), s.probability.begin(), s.probability.end());
    all.insert(all.end(), s.label.begin(), s.label.end());
    all.push_back(s.loss);
    return torch::tensor(all, torch::kDouble);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor &logits = saved[0], &label = saved[1], &members = saved[2];
    const torch::Tensor by_sums = gradients[0].to(torch::kFloat).contiguous(), result = torch::empty_like(logits);
    const kernels::LossShape shape = shape_of(logits);
    const float* const by = by_sums.const_data_ptr<float>();
    const std::int64_t step = shape.samples * shape.classes;
    const kernels::LossDerivatives derivatives{by, by + step, shape.classes, by[3 * step]};
    for_kernel_type(logits, [&](auto type) {
      using T = decltype(type);
      if constexpr (on_cpu<T>) {
        const auto* const x = kernel_const_data<T>(logits);
        const auto* const y = label.const_data_ptr<std::uint8_t>();
        if (members.numel() == 0)
          kernels::loss_backward(x, y, kernel_data<T>(result), shape, /*focal=*/false, derivatives);
        else
          kernels::region_loss_backward(x, y, kernel_data<T>(result), shape,
                                        table_of(members, context->saved_data["labels"].toInt()), derivatives);
      }
    });
    return {result, torch::Tensor(), torch::Tensor(), torch::Tensor()};
  }
};

/// Voxels that count, (N,V), bool.
torch::Tensor known_voxels(const torch::Tensor& label, std::int64_t values) {
  return label.flatten(1) < values;
}

/// -log p of the true class, (N,V), 0 where nothing is known.
torch::Tensor cross_entropy(const torch::Tensor& log_p, const torch::Tensor& target, const torch::Tensor& known,
                            double smoothing) {
  torch::Tensor loss = -log_p.gather(1, target.unsqueeze(1)).squeeze(1);
  if (smoothing > 0) loss = (1 - smoothing) * loss - smoothing * log_p.mean(1);
  return torch::where(known, loss, torch::zeros_like(loss));
}

void add_dice(LossParts& parts, const torch::Tensor& p, const torch::Tensor& truth, const torch::Tensor& known) {
  parts.intersection = (p * truth).sum(2);
  parts.probability = (p * known.unsqueeze(1)).sum(2);
  parts.label = truth.sum(2).to(p.scalar_type());
}

LossParts plain_classes(const torch::Tensor& x, const torch::Tensor& label, const V2LossOptions& options) {
  const std::int64_t classes = x.size(1);
  const torch::Tensor known = known_voxels(label, classes), labels = label.flatten(1).to(torch::kLong);
  const torch::Tensor target = torch::where(known, labels, torch::zeros_like(labels));
  const torch::Tensor log_p = at::log_softmax(x, 1);
  LossParts parts;
  if (options.dice_weight != 0) {
    const torch::Tensor numbers = torch::arange(classes, target.options()).view({1, classes, 1});
    add_dice(parts, log_p.exp(), (target.unsqueeze(1) == numbers).logical_and(known.unsqueeze(1)), known);
  }
  torch::Tensor loss = cross_entropy(log_p, target, known, options.label_smoothing);
  parts.voxel_count = known.sum();
  if (options.top_k > 0) {  // of all voxels, the ignored ones too, which are 0
    const auto share = static_cast<std::int64_t>(static_cast<double>(loss.numel()) * options.top_k / 100);
    loss = std::get<0>(loss.flatten().topk(std::max<std::int64_t>(share, 1), 0, true, /*sorted=*/false));
    parts.voxel_count = torch::full({}, loss.numel(), loss.options());
  }
  parts.voxel_sum = loss.sum();
  return parts;
}

LossParts plain_regions(const torch::Tensor& x, const torch::Tensor& label, const V2LossOptions& options) {
  const std::int64_t samples = x.size(0), regions = x.size(1);
  const torch::Tensor known = known_voxels(label, options.label_values(regions));
  const torch::Tensor truth = member_table(options)
                                  .to(x.device(), x.scalar_type())
                                  .index_select(1, label.flatten().to(torch::kLong))
                                  .view({regions, samples, -1})
                                  .permute({1, 0, 2});
  LossParts parts;
  if (options.dice_weight != 0) add_dice(parts, at::sigmoid(x), truth, known);
  const torch::Tensor loss = at::binary_cross_entropy_with_logits(x, truth, {}, {}, at::Reduction::None);
  parts.voxel_sum = torch::where(known.unsqueeze(1), loss, torch::zeros_like(loss)).sum();
  // Without an ignore label the mean is over the regions, too.
  parts.voxel_count = options.ignore_label ? known.sum() : torch::full({}, x.numel(), x.options());
  return parts;
}

}  // namespace

torch::Tensor member_table(const V2LossOptions& options) {
  torch::Tensor table = torch::zeros({std::ssize(options.regions), 256});
  float* row = table.mutable_data_ptr<float>();
  for (const auto& region : options.regions) {
    std::transform(region.begin(), region.end(), row, [](bool member) { return member ? 1.0f : 0.0f; });
    row += 256;
  }
  return table;
}

std::optional<LossParts> fused_parts(const torch::Tensor& logits, const torch::Tensor& label,
                                     const V2LossOptions& options) {
  if (!logits.is_cpu() || !has_kernel_type(logits) || !label.is_cpu() || label.scalar_type() != torch::kByte ||
      options.top_k > 0 || options.label_smoothing > 0)
    return std::nullopt;
  const std::int64_t samples = logits.size(0), channels = logits.size(1), step = samples * channels;
  const torch::Tensor members = options.regions.empty() ? torch::empty({0}) : member_table(options);
  const torch::Tensor sums = KernelSums::apply(logits, label, members, options.label_values(channels));
  const auto part = [&](std::int64_t i) { return sums.slice(0, i * step, (i + 1) * step).view({samples, channels}); };
  LossParts parts;
  parts.intersection = part(0);
  parts.probability = part(1);
  parts.label = part(2).detach();
  parts.voxel_sum = sums[3 * step];
  if (options.regions.empty())
    parts.voxel_count = parts.label.sum();
  else
    parts.voxel_count = options.ignore_label ? known_voxels(label, options.label_values(channels)).sum()
                                             : torch::full({}, logits.numel(), sums.options());
  return parts;
}

LossParts plain_parts(const torch::Tensor& logits, const torch::Tensor& label, const V2LossOptions& options) {
  const auto type = logits.scalar_type() == torch::kDouble ? torch::kDouble : torch::kFloat;
  const torch::Tensor x = logits.to(type).flatten(2);
  return options.regions.empty() ? plain_classes(x, label, options) : plain_regions(x, label, options);
}

}  // namespace nnunet
