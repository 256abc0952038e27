// A training step of one of nnU-Net v2's configurations, on a batch that is already there: forward, loss with deep
// supervision, backward, clipping, SGD. It speaks the workers' protocol (bench/peers/worker.py).
//   micro_v2_step plans.json dataset.json 3d_fullres --threads 2 --amp
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <iostream>
#include <sstream>

#include "nnunet/core/error.h"
#include "nnunet/plan/v2_plan.h"
#include "nnunet/torch_bridge/tensor_memory.h"
#include "nnunet/train/training_recipe.h"

namespace nnunet {
namespace {

struct Options {
  std::string plans, dataset, configuration, engine = "native";
  int threads = 1;
  std::int64_t batch = 0;  ///< 0: the plans'
  bool amp = false;
};

nlohmann::ordered_json read(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return parse_v2_json(text.str(), path);
}

Batch random_batch(const std::vector<std::int64_t>& patch, std::int64_t batch, const ModelPlan& model) {
  torch::manual_seed(1);
  Batch b;
  b.image_shape = {batch, model.input_channels()};
  b.label_shape = {batch};
  b.image_shape.insert(b.image_shape.end(), patch.begin(), patch.end());
  b.label_shape.insert(b.label_shape.end(), patch.begin(), patch.end());
  const auto images = std::make_shared<torch::Tensor>(torch::randn(b.image_shape));
  const auto labels =
      std::make_shared<torch::Tensor>(torch::randint(0, model.labels.heads(), b.label_shape).to(torch::kByte));
  b.image = std::shared_ptr<float>(images, images->mutable_data_ptr<float>());
  b.label = std::shared_ptr<std::uint8_t>(labels, labels->mutable_data_ptr<std::uint8_t>());
  return b;
}

void serve(const Options& o) {
  const V2Files files{read(o.plans), read(o.dataset), o.plans, o.dataset};
  const ModelPlan model = read_v2_plan(files, o.configuration).model;
  const nlohmann::json configuration = v2_configuration(files, o.configuration);
  const std::int64_t samples = o.batch > 0 ? o.batch : configuration.at("batch_size").get<std::int64_t>();
  torch::set_num_threads(o.threads);
  const Precision precision = o.amp ? Precision::bf16 : Precision::fp32;
  const bool native = o.engine == "native";

  UNet network(*model.network);
  network->initialize(1);
  if (native)
    network->place(torch::kCPU, torch::MemoryFormat::Contiguous);
  else
    network->place(torch::kCPU);
  TrainingRecipe recipe;
  recipe.optimizer = {.name = "nesterov", .learning_rate = 0.01, .momentum = 0.99, .weight_decay = 3e-5};
  recipe.scheduler = {.name = "poly", .max_epochs = 1000};
  recipe.loss = {.head_weights = deep_supervision_weights(network->graph().outputs.size()),
                 .v2 = v2_loss_options(model.labels, configuration.at("batch_dice").get<bool>())};
  TrainingState state = first_state(recipe, network, precision, torch::kCPU);
  const ProcessGroup alone;
  TrainStep step(state, Loss(recipe.loss), {.precision = precision, .native = native, .gradient_clip_val = 12},
                 torch::kCPU, alone);
  const Batch batch = random_batch(model.window.patch, samples, model);

  for (int i = 0; i < 2; ++i) step(batch);
  std::cout << R"({"ready": true})" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    step(batch);  // wakes the threads up and brings the weights back into the caches
    std::string times;
    for (int i = std::stoi(line); i > 0; --i) {
      const auto start = std::chrono::steady_clock::now();
      step(batch);
      const std::chrono::duration<double, std::milli> passed = std::chrono::steady_clock::now() - start;
      times += fmt::format("{}{:.3f}", times.empty() ? "" : ", ", passed.count());
    }
    std::cout << fmt::format(R"({{"ms": [{}]}})", times) << std::endl;
  }
}

}  // namespace
}  // namespace nnunet

int main(int argc, char** argv) {
  nnunet::Options o;
  CLI::App app("A training step of a configuration of nnU-Net v2");
  app.add_option("plans", o.plans)->required();
  app.add_option("dataset", o.dataset)->required();
  app.add_option("configuration", o.configuration)->required();
  app.add_option("--engine", o.engine)->check(CLI::IsMember({"native", "libtorch"}));
  app.add_option("--threads", o.threads);
  app.add_option("--batch", o.batch);
  app.add_flag("--amp", o.amp);
  CLI11_PARSE(app, argc, argv);
  try {
    nnunet::keep_tensor_memory();
    nnunet::serve(o);
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
