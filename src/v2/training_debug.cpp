#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <array>

#include "nnunet/v2/python_text.h"
#include "nnunet/v2/training_setup.h"

namespace nnunet::v2 {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown host";
}

std::string truth(bool value) {
  return value ? "True" : "False";
}

/// As Python prints a tuple.
std::string axes_text(const std::vector<int>& axes) {
  if (axes.empty()) return "None";
  return fmt::format("({}{})", fmt::join(axes, ", "), axes.size() == 1 ? "," : "");
}

std::string arguments_text(const TrainingSetup& s, const TrainingFacts& facts) {
  const std::string fold = s.names.fold == "all" ? "'all'" : s.names.fold;
  return fmt::format(
      "{{'plans': {}, 'configuration': {}, 'fold': {}, 'dataset_json': {}, 'device': device(type='{}')}}",
      python_repr(s.plans), python_repr(Json(s.names.configuration)), fold, python_repr(s.dataset), facts.device);
}

std::string class_of_network(const Json& configuration) {
  const auto architecture = configuration.find("architecture");
  if (architecture == configuration.end()) return configuration.value("UNet_class_name", "");
  const std::string name = architecture->value("network_class_name", "");
  return name.substr(name.rfind('.') + 1);
}

}  // namespace

Json debug_information(const TrainingSetup& s, const TrainingFacts& facts) {
  const TrainerRecipe& r = s.recipe;
  Json d;
  d["batch_size"] = std::to_string(s.batch_size);
  d["configuration_manager"] = python_repr(s.configuration);
  d["configuration_name"] = s.names.configuration;
  d["dataset_json"] = python_repr(s.dataset);
  d["device"] = facts.device;
  d["disable_checkpointing"] = truth(!facts.checkpoints);
  d["enable_deep_supervision"] = truth(r.deep_supervision);
  d["engine"] = facts.engine;
  d["fold"] = s.names.fold;
  d["folder_with_segs_from_previous_stage"] = s.folders.previous.empty() ? "None" : s.folders.previous.string();
  d["hostname"] = host_name();
  d["inference_allowed_mirroring_axes"] = axes_text(s.model.window.mirror_axes);
  d["initial_lr"] = python_repr(r.learning_rate);
  d["is_cascaded"] = truth(s.model.previous_stage);
  d["is_ddp"] = truth(facts.processes > 1);
  d["log_file"] = facts.log_file;
  d["my_init_kwargs"] = arguments_text(s, facts);
  d["network"] = class_of_network(s.configuration);
  d["num_epochs"] = std::to_string(r.epochs);
  d["num_input_channels"] = std::to_string(s.model.input_channels());
  d["num_iterations_per_epoch"] = std::to_string(r.iterations);
  d["num_val_iterations_per_epoch"] = std::to_string(r.validation_iterations);
  d["output_folder"] = s.folders.fold.string();
  d["output_folder_base"] = s.folders.model.string();
  d["oversample_foreground_percent"] = python_repr(r.forced_share);
  d["plans_manager"] = python_repr(s.plans);
  d["precision"] = facts.precision;
  d["preprocessed_dataset_folder"] = s.folders.cases.string();
  d["preprocessed_dataset_folder_base"] = s.folders.dataset.string();
  d["probabilistic_oversampling"] = truth(r.probabilistic_oversampling);
  d["seed"] = facts.seed;
  d["torch_version"] = facts.torch_version;
  d["trainer"] = what_differs(r).empty() ? r.name : fmt::format("{}: {}", r.name, what_differs(r));
  d["weight_decay"] = python_repr(r.weight_decay);
  return d;
}

}  // namespace nnunet::v2
