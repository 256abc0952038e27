#include "inference_options.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "shared_options.h"
#include "torch_door.h"

namespace nnunet::app {
void add_inference_options(CLI::App& c, InferenceOptions& o) {
  add_place_options(c, o, "Folder for what is written");
  const std::string group = "Inference";
  c.add_option("--ckpt_path", o.ckpt_path, "Checkpoint; several (the folds of a task) are averaged")->group(group);
  add_engine_option(c, o.engine, group);
  add_precision_options(c, o, group);
  add_window_options(c, o, group);
  add_network_options(c, o.network, "Network of a checkpoint that does not describe itself");
}

void accept_training_options(CLI::App& c) {
  const auto ignored = [](const std::string& name) { log::info(name + " has no effect on this command"); };
  for (const std::string name :
       {"--benchmark", "--focal", "--sync_batchnorm", "--save_ckpt", "--profile", "--resume_training"})
    if (c.get_option_no_throw(name) == nullptr) c.add_flag_callback(name, [=] { ignored(name); })->group("");
  for (const std::string name : {"--learning_rate", "--gradient_clip_val",
                                 "--seed",          "--skip_first_n_eval",
                                 "--patience",      "--lr_patience",
                                 "--batch_size",    "--momentum",
                                 "--weight_decay",  "--factor",
                                 "--num_workers",   "--min_epochs",
                                 "--max_epochs",    "--warmup",
                                 "--nvol",          "--data2d_dim",
                                 "--oversampling",  "--affinity",
                                 "--scheduler",     "--optimizer",
                                 "--train_batches"})
    if (c.get_option_no_throw(name) == nullptr)
      c.add_option_function<std::string>(name, [=](const std::string&) { ignored(name); })->group("");
  c.add_option_function<std::vector<std::string>>("--steps", [=](const std::vector<std::string>&) {
     ignored("--steps");
   })->group("");
  c.add_option_function<std::string>(
       "--exec_mode", [](const std::string&) {},
       "Kept from the reference's main.py: here each mode is a command of its own")
      ->check(CLI::IsMember({c.get_name()}))
      ->group("");
}

void check_inference_options(const InferenceOptions& o) {
  if (o.ckpt_path.empty())
    throw Error("--ckpt_path", "no checkpoint is given",
                "name the checkpoint of a trained network, such as RESULTS/checkpoints/best.ckpt");
  if (o.gpus > 1) throw Error("--gpus", "one GPU is used at most", "use --gpus 1");
  go_where_network_runs(o.engine, o.gpus);
}

Predictor make_predictor(const InferenceOptions& o, const DataConfig* config) {
  const Device device = choose_engine_device(o.engine, o.gpus, engines_here(), o.place);
  if (o.place.local_size > 1) omp_set_num_threads(std::min(omp_get_max_threads(), cores_for(o.place)));
  const PredictorOptions options{o.overlap, o.blend, o.val_batch_size, o.tta, o.engine, engines_here()};
  Predictor predictor(o.ckpt_path, {config, o.network}, options, device, choose_precision(o.amp, o.precision, device));
  log::info("engine: " + predictor.engine());
  return predictor;
}

}  // namespace nnunet::app
