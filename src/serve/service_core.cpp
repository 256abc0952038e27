#include "service_core.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "nnunet/core/error.h"

namespace nnunet::serve {
namespace {

void check_names(const std::vector<ModelSource>& models) {
  std::map<std::string, int> seen;
  for (const ModelSource& model : models) {
    const bool plain = !model.name.empty() && std::ranges::all_of(model.name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
             c == '.';
    });
    if (!plain || model.name.ends_with(volume_suffix))
      throw Error("--model", fmt::format("'{}' is no name for a model", model.name),
                  "use letters, digits, '_', '-' and '.', and no '_volume' at the end");
    if (seen[model.name]++ > 0) throw Error("--model", fmt::format("'{}' is there twice", model.name));
  }
}

HttpError too_busy(const std::string& name) {
  return {429, fmt::format("too many requests wait for '{}'; try again later", name)};
}

/// A cancellation that nobody asked for: it took too long.
std::exception_ptr too_long_unless_asked(const std::exception_ptr& failure, const SegmentWatch& watch) {
  if (!failure || watch.cancelled) return failure;
  try {
    std::rethrow_exception(failure);
  } catch (const Cancelled&) {
    return std::make_exception_ptr(HttpError(
        504, "the volume took longer than the server waits; send it as a job (POST /v1/segment/NAME?async=1)"));
  } catch (...) {
    return failure;
  }
}

/// A volume tensor and its spacing as an image.
Image image_from_tensors(std::vector<InputTensor>& inputs) {
  Image image;
  const std::vector<float>& spacing = inputs[1].values;
  image.voxels.shape = inputs[0].shape;
  image.voxels.values = std::move(inputs[0].values);
  image.geometry.shape = image.voxels.spatial();
  for (std::size_t i = 0; i < 3; ++i) {
    if (spacing[i] <= 0)
      throw HttpError(
          400, fmt::format("the spacing in INPUT__1 holds {}; millimetres along z, y, x are expected", spacing[i]));
    image.geometry.spacing[i] = static_cast<double>(spacing[i]);
    image.geometry.affine[i][i] = static_cast<double>(spacing[2 - i]);
  }
  image.geometry.affine[3][3] = 1;
  return image;
}

std::string bytes_of(const std::vector<float>& values) {
  std::string bytes(values.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

PatchTask patch_task(const EntrySpec& entry, InputTensor input, std::shared_ptr<SegmentWatch> watch,
                     ServiceCore::InferDone done) {
  PatchTask task;
  std::vector<std::int64_t> shape = entry.outputs[0].shape;
  shape[0] = task.n = input.shape[0];
  task.x = std::move(input.values);
  task.watch = std::move(watch);
  task.done = [shape, done = std::move(done)](const std::vector<float>& logits, const std::exception_ptr& failure) {
    std::vector<OutputTensor> outputs;
    if (!failure) outputs.push_back({shape, bytes_of(logits)});
    done(std::move(outputs), failure);
  };
  return task;
}

VolumeTask volume_task(std::vector<InputTensor> inputs, std::shared_ptr<SegmentWatch> watch,
                       ServiceCore::InferDone done) {
  VolumeTask task;
  task.watch = std::move(watch);
  task.read = [inputs = std::make_shared<std::vector<InputTensor>>(std::move(inputs))] {
    return image_from_tensors(*inputs);
  };
  task.done = [done = std::move(done)](const LabelMap& label, const std::exception_ptr& failure) {
    std::vector<OutputTensor> outputs;
    if (!failure)
      outputs.push_back({label.voxels.shape, std::string(label.voxels.values.begin(), label.voxels.values.end())});
    done(std::move(outputs), failure);
  };
  return task;
}

}  // namespace

ServiceCore::ServiceCore(ServiceOptions options, std::vector<ModelSource> models)
    : options_(std::move(options)), keys_(options_.api_keys) {
  check_names(models);
  for (ModelSource& model : models) hosts_.emplace_back(std::move(model), options_);
  for (ModelHost& host : hosts_) host.load();
}

ServiceCore::~ServiceCore() {
  for (ModelHost& host : hosts_)
    if (const auto model = host.loaded()) model->volumes.cancel_all();
}

bool ServiceCore::ready() const {
  return !draining_ && std::ranges::all_of(hosts_, [](const ModelHost& h) { return h.state() != "LOADING"; });
}

const std::vector<std::string>& ServiceCore::extensions() {
  static const std::vector<std::string> all{"binary_tensor_data", "model_configuration",
                                            "model_repository",   "model_repository(unload_dependents)",
                                            "statistics",         "schedule_policy"};
  return all;
}

void ServiceCore::require_key(const std::string& api_key, const std::string& authorization) const {
  if (!keys_.empty() && !keys_.admits(api_key, authorization))
    throw HttpError(401, "an API key is needed: Authorization: Bearer KEY (curl -H 'Authorization: Bearer KEY' URL)");
}

std::vector<Entry> ServiceCore::entries() {
  std::vector<Entry> all;
  for (ModelHost& host : hosts_) {
    all.push_back({&host, false});
    all.push_back({&host, true});
  }
  return all;
}

Entry ServiceCore::find(const std::string& name, const std::string& version) {
  for (const Entry& entry : entries()) {
    if (entry.name() != name) continue;
    if (!version.empty() && version != "1")
      throw HttpError(404, fmt::format("Request for unknown model: '{}' version {} is not found", name, version));
    return entry;
  }
  throw HttpError(404, fmt::format("Request for unknown model: '{}' is not found", name));
}

bool ServiceCore::ready(const Entry& entry) const {
  return entry.host->state() == "READY" && !draining_;
}

std::vector<IndexedEntry> ServiceCore::index(bool only_ready) {
  std::vector<IndexedEntry> list;
  for (const Entry& entry : entries()) {
    const std::string state = entry.host->state();
    if (state == "READY")
      list.push_back({entry.name(), state, {}});
    else if (!only_ready)
      list.push_back({entry.name(), state, entry.host->reason()});
  }
  return list;
}

OpenEntry ServiceCore::open(const Entry& entry) {
  auto model = entry.host->loaded();
  if (!model)
    throw HttpError(503, fmt::format("Request for unknown model: '{}' has no available versions ({})",
                                     entry.host->name(), entry.host->reason()));
  return {std::move(model), entry.volume};
}

void ServiceCore::load(const std::string& name, Done done) {
  change(find(name), &ModelHost::load, std::move(done));
}

void ServiceCore::unload(const std::string& name, Done done) {
  change(find(name), &ModelHost::unload, std::move(done));
}

HttpError ServiceCore::no_load_parameters() {
  return {400, "load parameters are not supported: models come from the server's command line"};
}

void ServiceCore::change(const Entry& entry, void (ModelHost::*what)(), Done done) {
  admin_.add([host = entry.host, what, done = std::move(done)] {
    std::exception_ptr failure;
    try {
      (host->*what)();
    } catch (...) {
      failure = std::current_exception();
    }
    done(failure);
  });
}

void ServiceCore::infer(const OpenEntry& entry, std::vector<InputTensor> inputs, std::shared_ptr<SegmentWatch> watch,
                        InferDone done) {
  if (entry.volume)
    segment(*entry.model, volume_task(std::move(inputs), std::move(watch), std::move(done)));
  else if (!entry.model->batcher.submit(
               patch_task(*entry.spec(), std::move(inputs[0]), std::move(watch), std::move(done))))
    throw too_busy(entry.spec()->name);
}

void ServiceCore::segment(LoadedModel& model, VolumeTask task) {
  task.watch->deadline = Clock::now() + options_.timeout;
  task.done = [watch = task.watch, done = std::move(task.done)](LabelMap label, const std::exception_ptr& failure) {
    done(std::move(label), too_long_unless_asked(failure, *watch));
  };
  segment_later(model, std::move(task));
}

void ServiceCore::segment_later(LoadedModel& model, VolumeTask task) {
  if (!model.volumes.submit(std::move(task))) throw too_busy(model.volume->name);
}

void ServiceCore::finished(const Access& a) {
  {
    const std::lock_guard lock(mutex_);
    ++responses_[{a.protocol, a.status}];
  }
  if (!options_.access_log) return;
  using Json = nlohmann::ordered_json;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const Json line{
      {"time", static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) / 1e3},
      {"remote", a.remote},
      {"method", a.method},
      {"path", a.path},
      {"status", a.status},
      {"bytes_in", a.bytes_in},
      {"bytes_out", a.bytes_out},
      {"seconds", std::round(a.seconds * 1e6) / 1e6},
      {"agent", a.agent}};
  options_.access_log(line.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void ServiceCore::add_metrics(std::map<std::string, std::string>& lines) {
  for (const ModelHost& host : hosts_) {
    host.patch_statistics.add_metrics(host.name(), lines);
    host.volume_statistics.add_metrics(host.name() + volume_suffix, lines);
    if (const auto model = host.loaded()) {
      lines["nnunet_queue_length"] +=
          fmt::format("nnunet_queue_length{{model=\"{0}\"}} {1}\nnnunet_queue_length{{model=\"{0}_volume\"}} {2}\n",
                      host.name(), model->batcher.waiting(), model->volumes.waiting());
    }
  }
  const std::lock_guard lock(mutex_);
  for (const auto& [key, n] : responses_) {
    const std::string name = fmt::format("nnunet_{}_responses_total", key.first);
    lines[name] += fmt::format("{}{{code=\"{}\"}} {}\n", name, key.second, n);
  }
}

}  // namespace nnunet::serve
