#include "inference_options.h"

#include <stdexcept>

#include "shared_options.h"
#include "train.h"

namespace nnunet::app {

std::vector<Group> inference_groups(InferenceFlags& flags) {
  ModelFlags& m = flags.model;
  std::vector<Option> inference{checkpoint(m.ckpt_path), engine(m.compute.engine)};
  return {
      {"Data and results", place_options(flags.cases, results_folder(flags.results), m.compute.gpus)},
      {"Inference",
       joined(
           {inference, precision_options(m.compute), sliding_options(m.windows), {test_batches(flags.test_batches)}})},
      {"Network of a checkpoint that does not describe itself", network_options(m.network)}};
}

Command accepting_training_options(Command command) {
  const Command training = declare(train_command);
  Group ignored;
  for (const std::string name :
       {"--benchmark",         "--focal",           "--sync_batchnorm", "--save_ckpt",
        "--profile",           "--resume_training", "--learning_rate",  "--seed",
        "--skip_first_n_eval", "--patience",        "--lr_patience",    "--batch_size",
        "--momentum",          "--weight_decay",    "--factor",         "--num_workers",
        "--min_epochs",        "--max_epochs",      "--warmup",         "--nvol",
        "--data2d_dim",        "--oversampling",    "--affinity",       "--scheduler",
        "--optimizer",         "--train_batches",   "--steps",          "--gradient_clip_val"}) {
    const Option* const known = training.find(name);
    if (known == nullptr) throw std::logic_error(name + " is no option of train");
    if (command.find(name) == nullptr)
      ignored.options.push_back(Option{name, Ignored{known->is_flag(), known->is_list()}, known->help}.hide());
  }
  ignored.options.push_back(mode_of_reference(command.name).hide());
  command.groups.push_back(std::move(ignored));
  return command;
}

}  // namespace nnunet::app
