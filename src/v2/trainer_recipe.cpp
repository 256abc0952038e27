#include "nnunet/v2/trainer_recipe.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>

#include "nnunet/core/error.h"
#include "nnunet/io/json_fields.h"
#include "nnunet/v2/python_json.h"
#include "trainer_fields.h"

namespace nnunet::v2 {
namespace {

template <class Kind>
struct Names;
template <>
struct Names<LossKind> {
  static constexpr std::array<const char*, 5> all{"dice_ce", "ce", "dice", "topk", "dice_topk"};
};
template <>
struct Names<OptimizerKind> {
  static constexpr std::array<const char*, 3> all{"sgd", "adamw", "adam"};
};
template <>
struct Names<ScheduleKind> {
  static constexpr std::array<const char*, 3> all{"poly", "cosine", "warmup_poly"};
};
template <>
struct Names<AugmentationKind> {
  static constexpr std::array<const char*, 3> all{"standard", "da5", "none"};
};
template <>
struct Names<Mirroring> {
  static constexpr std::array<const char*, 3> all{"all", "first_axes", "none"};
};

template <class Kind>
const char* name_of(Kind kind) {
  return Names<Kind>::all.at(static_cast<std::size_t>(kind));
}

/// Sets the fields that the file has.
class FieldReader {
 public:
  explicit FieldReader(const JsonFields& json) : json_(json) {}

  template <class T>
  void operator()(const char* name, T& field) const {
    if (!json_.has(name)) return;
    if constexpr (std::is_enum_v<T>)
      field = kind<T>(name);
    else if constexpr (std::is_same_v<T, bool>)
      field = json_.boolean(name);
    else if constexpr (std::is_integral_v<T>)
      field = static_cast<T>(json_.whole(name, 0, std::int64_t{1} << 30));
    else
      field = json_.real(name);
  }

 private:
  template <class Kind>
  Kind kind(const char* name) const {
    const std::string text = json_.text(name);
    const auto& all = Names<Kind>::all;
    const auto found = std::ranges::find(all, text);
    if (found == all.end()) json_.fail(name, fmt::format("is \"{}\", none of {}", text, fmt::join(all, ", ")));
    return static_cast<Kind>(found - all.begin());
  }

  const JsonFields& json_;
};

void check(const TrainerRecipe& r, const JsonFields& json) {
  const auto at_least = [&](const char* name, std::int64_t value, std::int64_t least) {
    if (value < least) json.fail(name, fmt::format("is {}, less than {}", value, least));
  };
  const auto share = [&](const char* name, double value) {
    if (!(value >= 0 && value <= 1)) json.fail(name, fmt::format("is {}, not between 0 and 1", value));
  };
  const auto not_negative = [&](const char* name, double value) {
    if (value < 0) json.fail(name, fmt::format("is {}, below 0", value));
  };
  at_least("epochs", r.epochs, 1);
  at_least("iterations", r.iterations, 1);
  at_least("validation_iterations", r.validation_iterations, 1);
  at_least("warmup_epochs", r.warmup_epochs, 1);
  share("forced_share", r.forced_share);
  share("cascade_share", r.cascade_share);
  share("topk_share", r.topk_share);
  share("label_smoothing", r.label_smoothing);
  for (const auto& [name, value] :
       {std::pair("dice_smooth", r.dice_smooth), std::pair("learning_rate", r.learning_rate),
        std::pair("momentum", r.momentum), std::pair("weight_decay", r.weight_decay),
        std::pair("gradient_clip", r.gradient_clip)})
    not_negative(name, value);
  for (const auto& [name, order] : {std::pair("image_order", r.image_order), std::pair("label_order", r.label_order)})
    if (order > 1) json.fail(name, fmt::format("is {}, known are 0 (nearest) and 1 (linear)", order));
}

std::optional<TrainerRecipe> known(const std::string& name) {
  const auto found = std::ranges::find(known_trainers(), name, &TrainerRecipe::name);
  return found == known_trainers().end() ? std::nullopt : std::optional(*found);
}

TrainerRecipe require_known(const std::string& name, const std::string& subject) {
  if (auto recipe = known(name)) return *recipe;
  std::vector<std::string> names;
  for (const TrainerRecipe& each : known_trainers()) names.push_back(each.name);
  throw Error(subject, fmt::format("there is no trainer {}", name),
              fmt::format("choose one of {}; or give a recipe of your own, NAME.json (docs/trainers.md)",
                          fmt::join(names, ", ")));
}

/// The name becomes part of a folder's.
bool can_be_name(const std::string& name) {
  return !name.empty() && name.find("__") == std::string::npos && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.' || c == '+';
  });
}

TrainerRecipe own_recipe(const std::filesystem::path& file) {
  const nlohmann::json content = read_python_json(file);
  const JsonFields json(content, file.string(), "mend the recipe (docs/trainers.md)");
  std::vector<std::string_view> keys{"name", "based_on"};
  TrainerRecipe recipe;
  for_each_field(recipe, [&](const char* name, auto&) { keys.emplace_back(name); });
  json.allow_only(keys);
  if (json.has("based_on")) recipe = require_known(json.text("based_on"), file.string());
  if (recipe.benchmark) json.fail("based_on", "is a trainer that measures, which cannot be changed");
  const std::string known_name = recipe.known_name;
  for_each_field(recipe, FieldReader(json));
  if (json.has("forced_share")) recipe.realised_share = false;
  recipe.name = json.has("name") ? json.text("name") : file.stem().string();
  recipe.known_name = known_name;
  if (!can_be_name(recipe.name))
    json.fail("name", fmt::format("is \"{}\": it becomes part of a folder's name, so letters, digits and single _ - . "
                                  "+ are allowed",
                                  recipe.name));
  if (known(recipe.name))
    json.fail("name", fmt::format("{} is a class of nnU-Net; a recipe of your own needs another name", recipe.name));
  check(recipe, json);
  return recipe;
}

std::string loss_words(const TrainerRecipe& r) {
  const std::string share = fmt::format("{:g} %", 100 * r.topk_share);
  switch (r.loss) {
    case LossKind::ce:
      return "cross entropy alone";
    case LossKind::dice:
      return "Dice loss alone";
    case LossKind::topk:
      return fmt::format("cross entropy of the worst {} of the voxels alone", share);
    case LossKind::dice_topk:
      return fmt::format("Dice loss and cross entropy of the worst {} of the voxels", share);
    default:
      return "Dice loss and cross entropy";
  }
}

std::string optimizer_words(OptimizerKind kind) {
  return kind == OptimizerKind::adamw  ? "AdamW (amsgrad)"
         : kind == OptimizerKind::adam ? "Adam"
                                       : "SGD with Nesterov momentum";
}

}  // namespace

std::string what_differs(const TrainerRecipe& r) {
  const TrainerRecipe usual;
  std::vector<std::string> words;
  const auto say = [&](bool differs, std::string text) {
    if (differs) words.push_back(std::move(text));
  };
  say(r.epochs != usual.epochs, fmt::format("{} epoch{}", r.epochs, r.epochs == 1 ? "" : "s"));
  say(r.iterations != usual.iterations, fmt::format("{} batches an epoch", r.iterations));
  say(r.validation_iterations != usual.validation_iterations,
      fmt::format("{} validation batches an epoch", r.validation_iterations));
  say(r.loss != usual.loss, loss_words(r));
  say(r.dice_smooth != usual.dice_smooth, fmt::format("Dice loss with smoothing {}", r.dice_smooth));
  say(r.label_smoothing != usual.label_smoothing, fmt::format("label smoothing {}", r.label_smoothing));
  say(!r.deep_supervision, "no deep supervision");
  say(r.optimizer != usual.optimizer, optimizer_words(r.optimizer));
  say(r.learning_rate != usual.learning_rate, fmt::format("learning rate {}", r.learning_rate));
  say(r.momentum != usual.momentum, fmt::format("momentum {}", r.momentum));
  say(r.weight_decay != usual.weight_decay, fmt::format("weight decay {}", r.weight_decay));
  say(r.gradient_clip != usual.gradient_clip, fmt::format("gradients clipped to {}", r.gradient_clip));
  say(r.schedule == ScheduleKind::cosine, "cosine schedule");
  say(r.schedule == ScheduleKind::warmup_poly,
      fmt::format("{} epochs of rising learning rate, then the usual schedule", r.warmup_epochs));
  say(r.augmentation == AugmentationKind::da5, "the stronger augmentation DA5");
  say(r.augmentation == AugmentationKind::none, "no augmentation");
  say(r.mirroring == Mirroring::none, "no mirroring, in prediction neither");
  say(r.mirroring == Mirroring::first_axes, "mirroring along axes 0 and 1 (2D: 0) only");
  say(!r.may_be_dummy_2d, "never planes alone");
  say(r.image_order == 0, "images sampled nearest");
  say(r.label_order == 0, "labels sampled nearest");
  say(r.realised_share, "foreground by chance, as often as usual in the mean");
  say(r.probabilistic_oversampling && !r.realised_share,
      fmt::format("foreground by chance, with probability {}", r.forced_share));
  say(!r.probabilistic_oversampling && r.forced_share != usual.forced_share,
      fmt::format("share of forced foreground {}", r.forced_share));
  say(r.batch_norm, "batch norm");
  say(r.benchmark, "measures on a GPU: no checkpoints, benchmark_result.json");
  say(!r.checkpoints && !r.benchmark, "no checkpoints");
  say(!r.data_loading, "no data are loaded");
  return fmt::format("{}", fmt::join(words, "; "));
}

TrainerRecipe trainer_recipe(const std::string& name_or_file) {
  if (name_or_file.ends_with(".json")) return own_recipe(name_or_file);
  return require_known(name_or_file, "-tr");
}

}  // namespace nnunet::v2
