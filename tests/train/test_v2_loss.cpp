// nnU-Net v2's losses beside its own (reference-v2/run/losses.json) and the fast version beside the plain one.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "distributed/group.h"
#include "nnunet/core/error.h"
#include "nnunet/train/loss.h"
#include "reference/numbers.h"

namespace nnunet {
namespace {

using Json = nlohmann::json;

/// Regions as networks.json and losses.json list them: labels, or one label.
std::vector<std::vector<bool>> table_of(const Json& regions, std::size_t labels) {
  std::vector<std::vector<bool>> table;
  for (const Json& region : regions) {
    auto& row = table.emplace_back(labels, false);
    for (const Json& label : region.is_array() ? region : Json::array({region})) row[label.get<std::size_t>()] = true;
  }
  return table;
}

/// An entry of losses.json.
struct Expected {
  explicit Expected(const Json& entry)
      : name(entry.at("case").get<std::string>() + " " + entry.at("loss").get<std::string>()) {
    const auto shape = entry.at("shape").get<std::vector<std::int64_t>>();
    const auto classes = entry.at("classes").get<int>();
    const auto i = torch::arange(c10::multiply_integers(shape), torch::kDouble);
    logits = (3 * (torch::sin(0.37 * i) + 0.5 * torch::cos(0.011 * i)).to(torch::kFloat)).view(shape);
    std::vector<std::int64_t> label_shape = shape;
    label_shape.erase(label_shape.begin() + 1);
    const auto j = torch::arange(c10::multiply_integers(label_shape), torch::kDouble);
    const std::string what = entry.at("case").get<std::string>();
    const int values = what.ends_with("ignore") ? classes + 1 : classes;
    label = torch::floor(values * torch::frac(0.618034 * j * j * 0.001)).to(torch::kByte).view(label_shape);
    if (what.ends_with("all_ignored")) label.fill_(classes);
    if (what == "class_absent") label.masked_fill_(label == 2, 0);
    if (!entry.at("ignore").is_null()) options.ignore_label = entry.at("ignore").get<int>();
    if (!entry.at("regions").is_null())
      options.regions = table_of(entry.at("regions"), static_cast<std::size_t>(classes));
    options.batch_dice = entry.at("batch_dice").get<bool>();
    if (entry.at("loss") == "dc_topk10") options.top_k = 10;
    value = entry.at("value").get<double>();
    norm = entry.at("grad_norm").get<double>();
    entry.at("grad_every_173").get_to(gradient);
  }

  std::string name;
  torch::Tensor logits, label;
  V2LossOptions options;
  double value = 0, norm = 0;
  std::vector<double> gradient;
};

TEST(V2Loss, ValuesAndGradientsAreItsOwn) {
  std::ifstream file(test::reference_file("reference-v2/run/losses.json"));
  for (const Json& entry : Json::parse(file)) {
    const Expected e(entry);
    SCOPED_TRACE(e.name + (e.options.batch_dice ? ", batch Dice" : ""));
    for (const auto type : {torch::kDouble, torch::kFloat}) {
      const torch::Tensor logits = e.logits.to(type, false, true).requires_grad_();
      const torch::Tensor loss = v2_loss(logits, e.label, e.options);
      EXPECT_EQ(loss.scalar_type(), type);
      EXPECT_NEAR(loss.item<double>(), e.value, 1e-6);
      loss.backward();
      const torch::Tensor found = logits.grad().flatten();
      EXPECT_NEAR(found.norm().item<double>(), e.norm, 1e-6);
      for (std::size_t i = 0; i < e.gradient.size(); ++i)
        EXPECT_NEAR(found[173 * static_cast<std::int64_t>(i)].item<double>(), e.gradient[i], 1e-6);
    }
  }
}

/// Labels 0 to values - 1.
torch::Tensor random_label(std::vector<std::int64_t> shape, std::int64_t values) {
  shape.erase(shape.begin() + 1);
  return torch::randint(0, values, shape).to(torch::kByte);
}

void compare(const torch::Tensor& logits, const torch::Tensor& label, const V2LossOptions& options) {
  const torch::Tensor fast = logits.detach().requires_grad_();
  const torch::Tensor precise = logits.detach().to(torch::kDouble).requires_grad_();
  const torch::Tensor a = v2_loss(fast, label, options), b = plain_v2_loss(precise, label, options);
  (a * 3).backward();
  (b * 3).backward();
  // 105 regions' cross entropy is 180: of that float32 knows 1e-5, and its sums a few roundings less.
  EXPECT_NEAR(a.item<double>(), b.item<double>(), std::max(1e-5, 8 * 0x1p-24 * std::abs(b.item<double>())));
  EXPECT_EQ(fast.grad().scalar_type(), logits.scalar_type());
  const double scale = precise.grad().abs().max().item<double>();
  const double tolerance = logits.scalar_type() == torch::kFloat ? 1e-5 : 5e-3;
  EXPECT_LE((fast.grad().to(torch::kDouble) - precise.grad()).abs().max().item<double>(), tolerance * scale)
      << logits.sizes() << " " << logits.scalar_type();
}

/// More voxels than a piece of the kernels has, fewer than a block, one.
TEST(V2Loss, FastVersionAgreesWithThePlainOne) {
  torch::manual_seed(3);
  const std::vector<std::vector<std::int64_t>> shapes{{2, 3, 9, 10, 11}, {1, 2, 65},   {1, 105, 5, 7, 3},
                                                      {3, 5, 33, 17},    {1, 4, 1, 1}, {2, 3, 24, 25, 26}};
  for (const auto& shape : shapes)
    for (const bool regions : {false, true})
      for (const bool ignore : {false, true})
        for (const bool batch_dice : {false, true})
          for (const auto type : {torch::kFloat, torch::kBFloat16}) {
            V2LossOptions options{.batch_dice = batch_dice};
            const std::int64_t values = regions ? 6 : shape[1];
            if (regions)
              for (std::int64_t r = 0; r < shape[1]; ++r)
                options.regions.push_back({false, true, r % 2 == 0, r % 3 == 0, r % 5 < 2, r == 1});
            if (ignore) options.ignore_label = static_cast<int>(values);
            const torch::Tensor label = random_label(shape, values + (ignore ? 1 : 0));
            const torch::Tensor logits = (torch::randn(shape) * 4).to(type);
            compare(logits, label, options);
            if (shape.size() == 5) compare(logits.contiguous(torch::MemoryFormat::ChannelsLast3d), label, options);
            if (shape.size() == 4) compare(logits.contiguous(torch::MemoryFormat::ChannelsLast), label, options);
          }
}

TEST(V2Loss, PartsAndTheirWeights) {
  torch::manual_seed(4);
  const torch::Tensor logits = torch::randn({2, 3, 5, 6, 7}), label = random_label({2, 3, 5, 6, 7}, 3);
  const auto loss = [&](double dice, double voxels, double smooth) {
    return v2_loss(logits, label, {.dice_weight = dice, .voxel_weight = voxels, .smooth = smooth}).item<double>();
  };
  EXPECT_NEAR(loss(0, 1, 1e-5), at::nll_loss_nd(at::log_softmax(logits, 1), label.to(torch::kLong)).item<double>(),
              1e-6);
  EXPECT_NEAR(loss(2, 3, 1e-5), 2 * loss(1, 0, 1e-5) + 3 * loss(0, 1, 1e-5), 1e-6);
  EXPECT_LT(loss(1, 0, 1e3), loss(1, 0, 0) - 0.1);  // smoothing brings the Dice near to 1
  const torch::Tensor right = 40.0f * torch::stack({label == 0, label == 1, label == 2}, 1).to(torch::kFloat);
  EXPECT_NEAR(v2_loss(right, label, {}).item<double>(), -1, 1e-5);
}

TEST(V2Loss, LabelSmoothingIsTorchs) {
  torch::manual_seed(5);
  const torch::Tensor logits = torch::randn({2, 4, 6, 5}, torch::kDouble);
  const torch::Tensor label = random_label({2, 4, 6, 5}, 5), target = label.to(torch::kLong);
  const double expected = at::cross_entropy_loss(logits, target, {}, at::Reduction::Mean, 4, 0.1).item<double>();
  const V2LossOptions options{.dice_weight = 0, .label_smoothing = 0.1, .ignore_label = 4};
  EXPECT_NEAR(v2_loss(logits, label, options).item<double>(), expected, 1e-12);
}

TEST(V2Loss, WeightsOfDeepSupervision) {
  EXPECT_EQ(deep_supervision_weights(1), (std::vector<double>{1}));
  EXPECT_EQ(deep_supervision_weights(2), (std::vector<double>{1, 0}));
  EXPECT_EQ(deep_supervision_weights(4), (std::vector<double>{1 / 1.75, 0.5 / 1.75, 0.25 / 1.75, 0}));
}

TEST(V2Loss, OptionsOfADatasetsLabels) {
  LabelSpec spec;
  spec.entries = {{"background", {0}}, {"whole", {1, 2, 3}}, {"core", {2, 3}}, {"edge", {1}}};
  spec.decision = LabelDecision::sigmoid;
  spec.ignore = 4;
  const V2LossOptions regions = v2_loss_options(spec, true);
  EXPECT_TRUE(regions.batch_dice);
  EXPECT_EQ(regions.ignore_label, 4);
  EXPECT_EQ(regions.regions, (std::vector<std::vector<bool>>{
                                 {false, true, true, true}, {false, false, true, true}, {false, true, false, false}}));
  spec.decision = LabelDecision::argmax;
  EXPECT_TRUE(v2_loss_options(spec, false).regions.empty());
  spec.entries[3].values = {255};
  EXPECT_THROW(v2_loss_options(spec, false), Error);
}

TEST(V2Loss, LargeLogitsStayFinite) {
  const torch::Tensor label = torch::zeros({1, 4, 4}, torch::kByte);
  for (const bool regions : {false, true}) {
    V2LossOptions options;
    if (regions) options.regions = {{false, true}, {true, true}};
    torch::Tensor logits = torch::zeros({1, 2, 4, 4});
    logits.select(1, 1).fill_(1e4f);
    logits.select(1, 0).fill_(-1e4f);
    logits.requires_grad_();
    const torch::Tensor loss = v2_loss(logits, label, options);
    loss.backward();
    EXPECT_TRUE(std::isfinite(loss.item<double>()));
    EXPECT_TRUE(logits.grad().isfinite().all().item<bool>());
  }
}

TEST(V2Loss, RefusesWhatDoesNotFit) {
  const torch::Tensor logits = torch::zeros({1, 3, 4, 4}), label = torch::zeros({1, 4, 4}, torch::kByte);
  const std::vector<std::vector<bool>> regions{{false, true}, {true, false}, {true, true}};
  EXPECT_THROW(v2_loss(logits, torch::full({1, 4, 4}, 3, torch::kByte), {}), Error);
  EXPECT_THROW(v2_loss(logits, torch::full({1, 4, 4}, 4, torch::kByte), {.ignore_label = 3}), Error);
  EXPECT_NO_THROW(v2_loss(logits, torch::full({1, 4, 4}, 3, torch::kByte), {.ignore_label = 3}));
  EXPECT_THROW(v2_loss(logits, label, {.ignore_label = 2}), Error);
  EXPECT_THROW(v2_loss(logits, torch::full({1, 4, 4}, 2, torch::kByte), {.regions = regions}), Error);
  EXPECT_THROW(v2_loss(logits, label, {.regions = {{false, true}}}), Error);
  EXPECT_THROW(v2_loss(logits, torch::zeros({1, 4, 5}, torch::kByte), {}), Error);
  EXPECT_THROW(check_v2_loss({.dice_weight = 0, .voxel_weight = 0}), Error);
  EXPECT_THROW(check_v2_loss({.top_k = 10, .regions = regions}), Error);
  EXPECT_THROW(check_v2_loss({.regions = {{false, true}, {true}}}), Error);
  EXPECT_THROW(Loss({.v2 = V2LossOptions{.label_smoothing = 1}}), Error);
}

/// Two processes with batches of two and one sample have the loss of all three, and the average of their gradients is
/// its gradient.
TEST(V2Loss, ProcessesHaveTheLossOfTheWholeBatch) {
  torch::manual_seed(6);
  const std::vector<std::int64_t> shape{3, 4, 6, 7, 8};
  const torch::Tensor logits = torch::randn(shape) * 3, label = random_label(shape, 5);
  const std::vector<std::vector<bool>> regions{
      {false, true, true, true}, {false, false, true, true}, {false, false, false, true}, {true, false, false, false}};
  for (const bool batch_dice : {false, true})
    for (const bool by_regions : {false, true})
      for (const bool plain : {false, true}) {
        V2LossOptions options{.batch_dice = batch_dice, .ignore_label = 4};
        if (by_regions) options.regions = regions;
        const torch::Tensor whole = logits.clone().requires_grad_();
        const torch::Tensor expected = v2_loss(whole, label, options);
        expected.backward();
        std::array<torch::Tensor, 2> gradients;
        test::in_group(2, [&](const ProcessGroup& group) {
          const bool first = group.leads();
          const auto mine = [&](const torch::Tensor& t) { return first ? t.slice(0, 0, 2) : t.slice(0, 2); };
          const torch::Tensor part = mine(logits).clone().requires_grad_();
          const torch::Tensor loss =
              plain ? plain_v2_loss(part, mine(label), options, &group) : v2_loss(part, mine(label), options, &group);
          EXPECT_NEAR(loss.item<double>(), expected.item<double>(), 1e-6);
          loss.backward();
          gradients[first ? 0 : 1] = part.grad() / 2;
        });
        const torch::Tensor found = torch::cat({gradients[0], gradients[1]});
        EXPECT_LT((found - whole.grad()).abs().max().item<double>(), 1e-6);
      }
}

}  // namespace
}  // namespace nnunet
