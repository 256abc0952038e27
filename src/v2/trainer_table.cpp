// nnU-Net v2's trainers, each by what it changes of another one (nnunetv2 2.8.1, training/nnUNetTrainer/variants).
#include <fmt/format.h>

#include <functional>

#include "nnunet/v2/trainer_recipe.h"

namespace nnunet::v2 {
namespace {

using Change = std::function<void(TrainerRecipe&)>;

class Table {
 public:
  /// nnUNetTrainer<ending>, which is that recipe changed.
  TrainerRecipe add(const std::string& ending, TrainerRecipe from, const Change& change = {}) {
    if (change) change(from);
    from.name = from.known_name = "nnUNetTrainer" + ending;
    recipes_.push_back(from);
    return from;
  }
  std::vector<TrainerRecipe> take() && { return std::move(recipes_); }

 private:
  std::vector<TrainerRecipe> recipes_;
};

Change epochs(std::int64_t count) {
  return [count](TrainerRecipe& r) { r.epochs = count; };
}

Change rate(double value) {
  return [value](TrainerRecipe& r) { r.learning_rate = value; };
}

Change loss(LossKind kind) {
  return [kind](TrainerRecipe& r) { r.loss = kind; };
}

void without_mirroring(TrainerRecipe& r) {
  r.mirroring = Mirroring::none;
}

void mirrored_along_first(TrainerRecipe& r) {
  r.mirroring = Mirroring::first_axes;
}

void with_nearest_labels(TrainerRecipe& r) {
  r.label_order = 0;
  r.cascade_share = 1;
}

void add_lengths(Table& table, const TrainerRecipe& standard) {
  table.add("_1epoch", standard, epochs(1));
  for (const std::int64_t count : {5, 10, 20, 50, 100, 250, 500, 750, 2000, 4000, 8000})
    table.add(fmt::format("_{}epochs", count), standard, epochs(count));
}

void add_mirrorings(Table& table, const TrainerRecipe& standard) {
  const TrainerRecipe none = table.add("NoMirroring", standard, without_mirroring);
  for (const std::int64_t count : {250, 2000, 4000, 8000})
    table.add(fmt::format("_{}epochs_NoMirroring", count), none, epochs(count));
  const TrainerRecipe first = table.add("_onlyMirror01", standard, mirrored_along_first);
  table.add("_onlyMirror01_1500ep", first, epochs(1500));
}

void add_augmentations(Table& table, const TrainerRecipe& standard) {
  table.add("NoDA", standard, [](TrainerRecipe& r) {
    r.augmentation = AugmentationKind::none;
    r.mirroring = Mirroring::none;
  });
  table.add("_noDummy2DDA", standard, [](TrainerRecipe& r) { r.may_be_dummy_2d = false; });
  const TrainerRecipe nearest = table.add("_DASegOrd0", standard, with_nearest_labels);
  table.add("_DASegOrd0_NoMirroring", nearest, without_mirroring);
  table.add("_onlyMirror01_DASegOrd0", nearest, mirrored_along_first);
  const TrainerRecipe strong = table.add("DA5", standard, [](TrainerRecipe& r) {
    r.augmentation = AugmentationKind::da5;
    r.cascade_share = 1;
  });
  table.add("DA5ord0", strong, [](TrainerRecipe& r) { r.image_order = r.label_order = 0; });
  table.add("DA5Segord0", strong, [](TrainerRecipe& r) { r.label_order = 0; });
  table.add("DA5_10epochs", strong, epochs(10));
  table.add("_onlyMirror01_DA5", strong, mirrored_along_first);
}

void add_losses(Table& table, const TrainerRecipe& standard) {
  const TrainerRecipe ce = table.add("CELoss", standard, loss(LossKind::ce));
  table.add("CELoss_5epochs", ce, epochs(5));
  table.add("DiceLoss", standard, loss(LossKind::dice));
  table.add("DiceCELoss_noSmooth", standard, [](TrainerRecipe& r) { r.dice_smooth = 0; });
  const TrainerRecipe topk = table.add("Topk10Loss", standard, loss(LossKind::topk));
  table.add("Topk10LossLS01", topk, [](TrainerRecipe& r) { r.label_smoothing = 0.1; });
  table.add("DiceTopK10Loss", standard, loss(LossKind::dice_topk));
}

void add_optimizers(Table& table, const TrainerRecipe& standard) {
  const auto add = [&](const std::string& ending, OptimizerKind kind) {
    const TrainerRecipe adam = table.add(ending, standard, [kind](TrainerRecipe& r) { r.optimizer = kind; });
    table.add(ending + "1en3", adam, rate(1e-3));
    table.add(ending + "3en4", adam, rate(3e-4));
  };
  add("Adam", OptimizerKind::adamw);
  add("VanillaAdam", OptimizerKind::adam);
  table.add("CosAnneal", standard, [](TrainerRecipe& r) { r.schedule = ScheduleKind::cosine; });
  table.add("_warmup", standard, [](TrainerRecipe& r) { r.schedule = ScheduleKind::warmup_poly; });
}

void add_samplings(Table& table, const TrainerRecipe& standard) {
  const TrainerRecipe drawn = table.add("_probabilisticOversampling", standard, [](TrainerRecipe& r) {
    r.probabilistic_oversampling = true;
    r.realised_share = true;
  });
  const auto share = [](double value) {
    return [value](TrainerRecipe& r) {
      r.realised_share = false;
      r.forced_share = value;
    };
  };
  table.add("_probabilisticOversampling_033", drawn, share(0.33));
  table.add("_probabilisticOversampling_010", drawn, share(0.1));
}

void add_benchmarks(Table& table, const TrainerRecipe& standard) {
  const TrainerRecipe timed = table.add("Benchmark_5epochs", standard, [](TrainerRecipe& r) {
    r.epochs = 5;
    r.checkpoints = false;
    r.final_validation = false;
    r.benchmark = true;
  });
  table.add("Benchmark_5epochs_noDataLoading", timed, [](TrainerRecipe& r) { r.data_loading = false; });
}

std::vector<TrainerRecipe> make_table() {
  Table table;
  const TrainerRecipe standard = table.add("", {});
  add_lengths(table, standard);
  add_mirrorings(table, standard);
  add_augmentations(table, standard);
  add_losses(table, standard);
  add_optimizers(table, standard);
  table.add("BN", standard, [](TrainerRecipe& r) { r.batch_norm = true; });
  table.add("NoDeepSupervision", standard, [](TrainerRecipe& r) { r.deep_supervision = false; });
  add_samplings(table, standard);
  add_benchmarks(table, standard);
  return std::move(table).take();
}

}  // namespace

const std::vector<TrainerRecipe>& known_trainers() {
  static const std::vector<TrainerRecipe> table = make_table();
  return table;
}

}  // namespace nnunet::v2
