#pragma once
#include <cmath>
#include <limits>
#include <optional>
#include <set>
#include <vector>

#include "nnunet/train/reference_recipe.h"

/// A tiny training in memory: a network of a few hundred parameters, batches and evaluation by formula.
namespace nnunet::test {

/// Batches that follow from epoch and step.
class FormulaBatches final : public BatchSource {
 public:
  explicit FormulaBatches(std::int64_t steps) : steps_(steps) {}
  std::int64_t batches_per_epoch() const override { return steps_; }
  void start_epoch(std::int64_t epoch, std::int64_t first_step) override {
    epoch_ = epoch;
    step_ = first_step;
  }
  bool next(Batch& batch) override {
    while (left_out.contains(step_)) ++step_;
    if (step_ >= steps_) return false;
    batch = make(epoch_, step_++);
    return true;
  }
  double wait_seconds() const override { return 0; }

  static Batch make(std::int64_t epoch, std::int64_t step) {
    Batch batch;
    batch.image_shape = {2, 1, 4, 8, 8};
    batch.label_shape = {2, 4, 8, 8};
    batch.cases = {"first", "second"};
    batch.step = step;
    constexpr std::size_t voxels = 2 * 4 * 8 * 8;
    batch.image.reset(new float[voxels], std::default_delete<float[]>());
    batch.label.reset(new std::uint8_t[voxels], std::default_delete<std::uint8_t[]>());
    for (std::size_t i = 0; i < voxels; ++i) {
      const auto label = static_cast<std::uint8_t>(i / 5 % 3);
      batch.label.get()[i] = label;
      batch.image.get()[i] = label + std::sin(static_cast<float>(static_cast<std::int64_t>(i) * 7 + epoch * 3 + step));
    }
    return batch;
  }

  std::set<std::int64_t> left_out;  ///< steps of every epoch

 private:
  std::int64_t steps_, epoch_ = 0, step_ = 0;
};

struct TinyTraining {
  TrainOptions options;
  TrainingRecipe recipe;
  TrainingState state;
  Loss loss;
  ProcessGroup group;
  TrainStep step;
  FormulaBatches batches{3};
  std::vector<double> dice;  ///< of each evaluation in turn; after the last one: rising
  std::size_t evaluations = 0;

  explicit TinyTraining(const TrainOptions& o = tiny_options())
      : options(o),
        recipe(reference_recipe(options, {}, DataConfig(), Precision::fp32)),
        state(first_state(recipe, tiny_network(options), Precision::fp32, torch::kCPU)),
        loss(recipe.loss),
        step(state, loss, step_options(recipe, options, Precision::fp32, torch::kCPU, group), torch::kCPU, group) {
    torch::set_num_threads(1);  // threads would wait for each other most of the time
  }

  static TrainOptions tiny_options() {
    TrainOptions o;
    o.optimizer.learning_rate = 0.01;
    o.network.filters = {4, 6};
    o.network.depth = 1;
    o.max_epochs = 2;
    return o;
  }
  static UNet tiny_network(const TrainOptions& o) {
    UNet network(make_network_plan({4, 8, 8}, {1, 1, 1}, 1, 3, o.network));
    network->initialize(o.seed);
    network->place(torch::kCPU, torch::MemoryFormat::Contiguous);
    return network;
  }

  Evaluation evaluate() {
    const torch::NoGradGuard no_grad;
    state.network->eval();
    const Batch batch = FormulaBatches::make(99, 0);
    const torch::Tensor image = torch::from_blob(batch.image.get(), batch.image_shape),
                        label = torch::from_blob(batch.label.get(), batch.label_shape, torch::kByte);
    const double now = evaluations < dice.size() ? dice[evaluations] : 50 + static_cast<double>(evaluations);
    ++evaluations;
    return {loss.of_full_resolution(step.forward(image), label).item<double>(), {{now, 1}}};
  }

  EpochLoop::End run(LoopEvents events = {}) { return run(batches, std::move(events)); }
  EpochLoop::End run(BatchSource& source, LoopEvents events = {}) {
    const LoopParts parts{source, [this](const Batch& batch) { return step(batch); }, [this] { return evaluate(); }};
    return EpochLoop(state, parts, recipe.length, std::move(events)).run();
  }

  /// All weights in one list.
  torch::Tensor weights() const {
    std::vector<torch::Tensor> all;
    for (const auto& p : state.network->parameters()) all.push_back(p.detach().flatten().clone());
    return torch::cat(all);
  }
  std::vector<double> losses() const {
    std::vector<double> all;
    for (const EpochRecord& r : state.history.epochs()) {
      all.push_back(r.train_loss);
      if (r.val_loss) all.push_back(*r.val_loss);
      all.push_back(r.learning_rate);
    }
    return all;
  }

  /// As a checkpoint would bring it back.
  void go_on_from(const TinyTraining& before) {
    load_state_dict(*state.network, state_dict(*before.state.network), "test");
    ASSERT_TRUE(state.load(Value(before.state.values()), "test"));
    evaluations = before.evaluations;
  }
};

}  // namespace nnunet::test
