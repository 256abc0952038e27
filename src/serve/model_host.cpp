#include "model_host.h"

#include <chrono>
#include <nlohmann/json.hpp>

namespace nnunet::serve {
namespace {

EntrySpec patch_entry(const std::string& name, const DataConfig& data, const ServiceOptions& options) {
  std::vector<std::int64_t> in{-1, data.in_channels}, out{-1, data.n_class};
  in.insert(in.end(), data.patch_size.begin(), data.patch_size.end());
  out.insert(out.end(), data.patch_size.begin(), data.patch_size.end());
  EntrySpec entry{name, {{"INPUT__0", "FP32", in}}, {{"OUTPUT__0", "FP32", out}}, options.max_batch, options.max_batch};
  for (std::size_t i = 1; i < in.size(); ++i) entry.max_values *= in[i];
  return entry;
}

EntrySpec volume_entry(const std::string& name, const DataConfig& data, const ServiceOptions& options) {
  return {name + "_volume",
          {{"INPUT__0", "FP32", {data.in_channels, -1, -1, -1}}, {"INPUT__1", "FP32", {3}}},
          {{"OUTPUT__0", "UINT8", {-1, -1, -1}}},
          0,
          options.volume_voxels};
}

BatchOptions batch_options(const ServiceOptions& o) {
  return {o.max_batch, o.batch_delay, o.max_queue, o.timeout};
}

/// The first run of a network sets up more than the others use.
void warm_up(ServedModel& model, const EntrySpec& entry) {
  const auto values = [&](const TensorSpec& spec, std::int64_t n) {
    for (std::size_t i = 1; i < spec.shape.size(); ++i) n *= spec.shape[i];
    return std::vector<float>(static_cast<std::size_t>(n));
  };
  for (const std::int64_t n : {std::int64_t{1}, entry.max_batch}) {
    auto logits = values(entry.outputs[0], n);
    model.forward(n, values(entry.inputs[0], n).data(), logits.data());
  }
}

}  // namespace

LoadedModel::LoadedModel(const std::string& name, std::unique_ptr<ServedModel> loaded, const ServiceOptions& options,
                         Statistics& patch_statistics, Statistics& volume_statistics)
    : model(std::move(loaded)),
      patch(std::make_shared<EntrySpec>(patch_entry(name, model->data(), options))),
      volume(std::make_shared<EntrySpec>(volume_entry(name, model->data(), options))),
      batcher(*model, batch_options(options), patch_statistics),
      volumes(*model, options.max_volumes, options.volume_bytes, volume_statistics) {}

ModelHost::ModelHost(ModelSource source, const ServiceOptions& options)
    : source_(std::move(source)), options_(options) {}

std::shared_ptr<LoadedModel> ModelHost::loaded() const {
  const std::lock_guard lock(mutex_);
  return loaded_;
}

std::string ModelHost::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

std::string ModelHost::reason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

void ModelHost::set(const std::string& state, const std::string& reason, std::shared_ptr<LoadedModel> model) {
  {
    const std::lock_guard lock(mutex_);
    state_ = state;
    reason_ = reason;
    loaded_.swap(model);
  }
  // The former model ends here, outside the lock: it finishes its requests.
}

void ModelHost::load() {
  if (loaded()) return;
  set("LOADING", "is being loaded", nullptr);
  try {
    auto model = source_.load();
    warm_up(*model, patch_entry(name(), model->data(), options_));
    set("READY", "",
        std::make_shared<LoadedModel>(name(), std::move(model), options_, patch_statistics, volume_statistics));
  } catch (const std::exception& e) {
    set("UNAVAILABLE", e.what(), nullptr);
    throw;
  }
}

void ModelHost::unload() {
  set("UNAVAILABLE", "unloaded", nullptr);
}

nlohmann::ordered_json entry_metadata(const EntrySpec& entry) {
  using Json = nlohmann::ordered_json;
  const auto tensors = [](const std::vector<TensorSpec>& specs) {
    Json list = Json::array();
    for (const TensorSpec& spec : specs)
      list.push_back({{"name", spec.name}, {"datatype", spec.datatype}, {"shape", spec.shape}});
    return list;
  };
  return {{"name", entry.name},
          {"versions", Json::array({"1"})},
          {"platform", "nnunet"},
          {"inputs", tensors(entry.inputs)},
          {"outputs", tensors(entry.outputs)}};
}

nlohmann::ordered_json entry_config(const EntrySpec& entry, const ServiceOptions& options) {
  using Json = nlohmann::ordered_json;
  const bool batched = entry.max_batch > 0;
  const auto tensors = [&](const std::vector<TensorSpec>& specs) {
    Json list = Json::array();
    for (const TensorSpec& spec : specs) {
      const std::vector<std::int64_t> dims(spec.shape.begin() + (batched ? 1 : 0), spec.shape.end());
      list.push_back({{"name", spec.name}, {"data_type", "TYPE_" + spec.datatype}, {"dims", dims}});
    }
    return list;
  };
  Json json{{"name", entry.name},
            {"platform", "nnunet"},
            {"backend", "nnunet"},
            {"version_policy", {{"latest", {{"num_versions", 1}}}}},
            {"max_batch_size", entry.max_batch},
            {"input", tensors(entry.inputs)},
            {"output", tensors(entry.outputs)}};
  if (batched) json["dynamic_batching"] = {{"max_queue_delay_microseconds", options.batch_delay.count()}};
  return json;
}

}  // namespace nnunet::serve
