#include "nnunet/serve/service.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <sstream>

#include "api_keys.h"
#include "jobs.h"
#include "model_host.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "process_metrics.h"
#include "task_thread.h"

namespace nnunet::serve {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* volume_suffix = "_volume";

HttpResponse json_response(const Json& json, int status = 200) {
  return {status, "application/json", json.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> parts;
  std::string part;
  std::istringstream stream(path);
  std::getline(stream, part, '/');
  while (std::getline(stream, part, '/')) parts.push_back(part);
  return parts;
}

/// A request that has found its way.
struct Call {
  HttpRequest request;
  std::vector<std::string> args;  ///< what stands for the route's '*'
  Respond respond;
};

bool is_compressed(const std::string& file) {
  return file.starts_with("\x1f\x8b");
}

/// A label map as a file, and its answer.
HttpResponse label_file(const LabelMap& label, bool compressed) {
  const std::vector<std::byte> bytes = encode_label_map(label, compressed);
  HttpResponse response{200, compressed ? "application/gzip" : "application/octet-stream", {}};
  response.body.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  response.headers.emplace_back("Content-Disposition",
                                fmt::format("attachment; filename=\"labels.{}\"", compressed ? "nii.gz" : "nii"));
  return response;
}

/// Nobody asked for that cancellation, so it took too long.
std::exception_ptr too_long_if_cancelled(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Cancelled&) {
    return std::make_exception_ptr(
        HttpError(504, "the volume took longer than the server waits; send it as a job (?async=1)"));
  } catch (...) {
    return failure;
  }
}

/// A volume tensor and its spacing as an image.
Image image_from_tensors(InferRequest& request) {
  Image image;
  const std::vector<float>& spacing = request.inputs[1].values;
  image.voxels.shape = request.inputs[0].shape;
  image.voxels.values = std::move(request.inputs[0].values);
  image.geometry.shape = image.voxels.spatial();
  for (std::size_t i = 0; i < 3; ++i) {
    if (!std::isfinite(spacing[i]) || spacing[i] <= 0)
      throw HttpError(
          400, fmt::format("the spacing in INPUT__1 holds {}; millimetres along z, y, x are expected", spacing[i]));
    image.geometry.spacing[i] = static_cast<double>(spacing[i]);
    image.geometry.affine[i][i] = static_cast<double>(spacing[2 - i]);
  }
  image.geometry.affine[3][3] = 1;
  if (!std::ranges::all_of(image.voxels.values, [](float v) { return std::isfinite(v); }))
    throw HttpError(400, "the volume in INPUT__0 holds NaN or Inf");
  return image;
}

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

}  // namespace

class Service::Impl {
 public:
  Impl(ServiceOptions options, std::vector<ModelSource> models)
      : options_(std::move(options)), keys_(options_.api_keys), jobs_(options_.max_jobs, options_.job_ttl) {
    check_names(models);
    for (ModelSource& model : models) hosts_.emplace_back(std::move(model), options_);
    for (ModelHost& host : hosts_) host.load();
  }

  ~Impl() {
    for (ModelHost& host : hosts_)
      if (const auto model = host.loaded()) model->volumes.cancel_all();
  }

  std::atomic<bool> draining{false};

  std::optional<HttpResponse> refuse(const HttpRequest& head) {
    const auto found = find_route(head);
    if (!found.route)
      return error_response(found.path_known ? 405 : 404, found.path_known ? "method not allowed" : "not found");
    if (!found.route->open && !keys_.empty() && !keys_.admits(head))
      return error_response(401, "an API key is needed: Authorization: Bearer KEY");
    // A page from elsewhere that a user has open in the browser must not use this server.
    if (const std::string& origin = head.header("origin"); !origin.empty())
      if (const std::string& host = head.header("host"); origin != "http://" + host && origin != "https://" + host)
        return error_response(403, "requests from other sites' pages are not answered");
    if (!head.header("content-encoding").empty() && head.header("content-encoding") != "identity")
      return error_response(415, "compressed request bodies are not supported");
    return std::nullopt;
  }

  void handle(HttpRequest request, Respond respond) {
    auto found = find_route(request);
    Call call{std::move(request), std::move(found.args), std::move(respond)};
    (this->*found.route->run)(call);
  }

  void finished(const HttpRequest& head, int status, std::size_t bytes_in, std::size_t bytes_out, double seconds) {
    {
      const std::lock_guard lock(mutex_);
      ++responses_[status];
    }
    if (!options_.access_log) return;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const Json line{
        {"time", static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) / 1e3},
        {"remote", head.remote},
        {"method", head.method},
        {"path", head.path},
        {"status", status},
        {"bytes_in", bytes_in},
        {"bytes_out", bytes_out},
        {"seconds", std::round(seconds * 1e6) / 1e6},
        {"agent", head.header("user-agent")}};
    options_.access_log(line.dump(-1, ' ', false, Json::error_handler_t::replace));
  }

 private:
  struct Route {
    const char* method;
    const char* pattern;  ///< '*' stands for a part of the path
    void (Impl::*run)(Call&);
    bool open = false;  ///< without an API key
  };
  struct Found {
    const Route* route = nullptr;
    std::vector<std::string> args{};
    bool path_known = false;
  };

  static const std::vector<Route>& routes() {
    static const std::vector<Route> all{
        {"GET", "/v2/health/live", &Impl::live, true},
        {"GET", "/v2/health/ready", &Impl::ready, true},
        {"GET", "/v2", &Impl::server_metadata},
        {"GET", "/v2/models/stats", &Impl::all_statistics},
        {"GET", "/v2/models/*", &Impl::model_metadata},
        {"GET", "/v2/models/*/ready", &Impl::model_ready},
        {"GET", "/v2/models/*/config", &Impl::model_config},
        {"GET", "/v2/models/*/stats", &Impl::model_statistics},
        {"POST", "/v2/models/*/infer", &Impl::infer},
        {"GET", "/v2/models/*/versions/*", &Impl::model_metadata},
        {"GET", "/v2/models/*/versions/*/ready", &Impl::model_ready},
        {"GET", "/v2/models/*/versions/*/config", &Impl::model_config},
        {"GET", "/v2/models/*/versions/*/stats", &Impl::model_statistics},
        {"POST", "/v2/models/*/versions/*/infer", &Impl::infer},
        {"POST", "/v2/repository/index", &Impl::index},
        {"POST", "/v2/repository/models/*/load", &Impl::load},
        {"POST", "/v2/repository/models/*/unload", &Impl::unload},
        {"GET", "/v1/models", &Impl::list_models},
        {"POST", "/v1/segment/*", &Impl::segment},
        {"GET", "/v1/jobs/*", &Impl::job_state},
        {"GET", "/v1/jobs/*/result", &Impl::job_result},
        {"DELETE", "/v1/jobs/*", &Impl::job_cancel},
        {"GET", "/metrics", &Impl::metrics},
    };
    return all;
  }

  static Found find_route(const HttpRequest& head) {
    const auto parts = split(head.path);
    Found found;
    for (const Route& route : routes()) {
      const auto pattern = split(route.pattern);
      if (pattern.size() != parts.size()) continue;
      std::vector<std::string> args;
      bool same = true;
      for (std::size_t i = 0; i < parts.size() && same; ++i) {
        same = pattern[i] == "*" || pattern[i] == parts[i];
        if (pattern[i] == "*") args.push_back(parts[i]);
      }
      if (!same) continue;
      found.path_known = true;
      if (route.method == head.method) return {&route, std::move(args), true};
    }
    return found;
  }

  // --- server ---

  void live(Call& call) {
    call.respond([] { return HttpResponse{200, "text/plain", {}}; });
  }

  void ready(Call& call) {
    const bool all =
        !draining && std::ranges::all_of(hosts_, [](const ModelHost& h) { return h.state() != "LOADING"; });
    call.respond([all] { return HttpResponse{all ? 200 : 400, "text/plain", {}}; });
  }

  void server_metadata(Call& call) {
    answer(call, {{"name", "nnunet"},
                  {"version", "2"},
                  {"extensions",
                   {"binary_tensor_data", "model_configuration", "model_repository",
                    "model_repository(unload_dependents)", "statistics", "schedule_policy"}}});
  }

  void metrics(Call& call) {
    std::map<std::string, std::string> lines;
    for (const ModelHost& host : hosts_) {
      host.patch_statistics.add_metrics(host.name(), lines);
      host.volume_statistics.add_metrics(host.name() + volume_suffix, lines);
      if (const auto model = host.loaded()) {
        lines["nnunet_queue_length"] +=
            fmt::format("nnunet_queue_length{{model=\"{0}\"}} {1}\nnunet_queue_length{{model=\"{0}_volume\"}} {2}\n",
                        host.name(), model->batcher.waiting(), model->volumes.waiting());
      }
    }
    for (const auto& [state, n] : jobs_.counts())
      lines["nnunet_jobs"] += fmt::format("nnunet_jobs{{state=\"{}\"}} {}\n", state, n);
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [status, n] : responses_)
        lines["nnunet_http_responses_total"] +=
            fmt::format("nnunet_http_responses_total{{code=\"{}\"}} {}\n", status, n);
    }
    call.respond([text = metrics_text(std::move(lines))] {
      return HttpResponse{200, "text/plain; version=0.0.4; charset=utf-8", text};
    });
  }

  // --- models ---

  struct Entry {
    ModelHost* host;
    bool volume;
    std::string name() const { return host->name() + (volume ? volume_suffix : ""); }
    const Statistics& statistics() const { return volume ? host->volume_statistics : host->patch_statistics; }
  };

  std::vector<Entry> entries() {
    std::vector<Entry> all;
    for (ModelHost& host : hosts_) {
      all.push_back({&host, false});
      all.push_back({&host, true});
    }
    return all;
  }

  Entry find_entry(const Call& call) {
    const std::string& name = call.args.at(0);
    for (const Entry& entry : entries()) {
      if (entry.name() != name) continue;
      if (call.args.size() > 1 && call.args[1] != "1")
        throw HttpError(404,
                        fmt::format("Request for unknown model: '{}' version {} is not found", name, call.args[1]));
      return entry;
    }
    throw HttpError(404, fmt::format("Request for unknown model: '{}' is not found", name));
  }

  static std::shared_ptr<LoadedModel> require_loaded(const ModelHost& host) {
    auto model = host.loaded();
    if (!model)
      throw HttpError(503, fmt::format("Request for unknown model: '{}' has no available versions ({})", host.name(),
                                       host.reason()));
    return model;
  }

  void model_metadata(Call& call) {
    const Entry entry = find_entry(call);
    const auto model = require_loaded(*entry.host);
    answer(call, entry_metadata(entry.volume ? model->volume : model->patch));
  }

  void model_config(Call& call) {
    const Entry entry = find_entry(call);
    const auto model = require_loaded(*entry.host);
    answer(call, entry_config(entry.volume ? model->volume : model->patch, options_));
  }

  void model_ready(Call& call) {
    const bool is_ready = find_entry(call).host->state() == "READY" && !draining;
    call.respond([is_ready] { return HttpResponse{is_ready ? 200 : 400, "text/plain", {}}; });
  }

  void model_statistics(Call& call) {
    const Entry entry = find_entry(call);
    answer(call, {{"model_stats", Json::array({entry.statistics().json(entry.name())})}});
  }

  void all_statistics(Call& call) {
    Json list = Json::array();
    for (const Entry& entry : entries()) list.push_back(entry.statistics().json(entry.name()));
    answer(call, {{"model_stats", list}});
  }

  void index(Call& call) {
    const Json body = Json::parse(call.request.body.empty() ? "{}" : call.request.body, nullptr, false);
    if (!body.is_object()) throw HttpError(400, "failed to parse the request JSON buffer");
    const bool only_ready = body.value("ready", Json(false)) == Json(true);
    Json list = Json::array();
    for (const Entry& entry : entries()) {
      const std::string state = entry.host->state();
      if (only_ready && state != "READY") continue;
      Json item{{"name", entry.name()}, {"version", "1"}, {"state", state}};
      if (state != "READY") item["reason"] = entry.host->reason();
      list.push_back(std::move(item));
    }
    answer(call, list);
  }

  void load(Call& call) {
    // A client may not say what is loaded: no configuration, no files, only what the command line named.
    const Json body = Json::parse(call.request.body.empty() ? "{}" : call.request.body, nullptr, false);
    if (!body.is_object()) throw HttpError(400, "failed to parse the request JSON buffer");
    if (body.contains("parameters") && !body["parameters"].empty())
      throw HttpError(400, "load parameters are not supported: models come from the server's command line");
    change(call, &ModelHost::load);
  }

  void unload(Call& call) { change(call, &ModelHost::unload); }

  void change(Call& call, void (ModelHost::*what)()) {
    ModelHost* const host = find_entry(call).host;
    admin_.add([host, what, respond = call.respond] {
      std::exception_ptr failure;
      try {
        (host->*what)();
      } catch (...) {
        failure = std::current_exception();
      }
      respond([failure] {
        if (failure) std::rethrow_exception(failure);
        return HttpResponse{200, "application/json", {}};
      });
    });
  }

  void list_models(Call& call) {
    Json list = Json::array();
    for (const ModelHost& host : hosts_) {
      Json item{{"name", host.name()}, {"state", host.state()}};
      if (const auto model = host.loaded()) {
        const DataConfig& data = model->model->data();
        item.update({{"channels", data.in_channels},
                     {"classes", data.n_class},
                     {"labels", data.labels},
                     {"modality", data.modality},
                     {"patch_size", data.patch_size},
                     {"spacing", data.spacings}});
      }
      list.push_back(std::move(item));
    }
    answer(call, list);
  }

  // --- inference ---

  void infer(Call& call) {
    const Entry entry = find_entry(call);
    const auto model = require_loaded(*entry.host);
    const auto spec = std::make_shared<const EntrySpec>(entry.volume ? model->volume : model->patch);
    const auto request = std::make_shared<InferRequest>(
        parse_infer_request(call.request.body, call.request.header("inference-header-content-length"), *spec));
    call.request.body = {};
    entry.volume ? infer_volume(call, *model, spec, request) : infer_patch(call, *model, spec, request);
  }

  void infer_patch(Call& call, LoadedModel& model, std::shared_ptr<const EntrySpec> spec,
                   std::shared_ptr<InferRequest> request) {
    PatchTask task;
    std::vector<std::int64_t> shape = spec->outputs[0].shape;
    shape[0] = task.n = request->inputs[0].shape[0];
    task.x = std::move(request->inputs[0].values);
    task.done = [spec, request, shape, respond = call.respond](const std::vector<float>& logits,
                                                               const std::exception_ptr& failure) {
      OutputTensor output{shape, std::string(logits.size() * sizeof(float), '\0')};
      std::memcpy(output.bytes.data(), logits.data(), output.bytes.size());
      respond([spec, request, failure, output = std::move(output)] {
        if (failure) std::rethrow_exception(failure);
        return infer_response(*spec, *request, {output});
      });
    };
    if (!model.batcher.submit(std::move(task))) throw too_busy(spec->name);
  }

  void infer_volume(Call& call, LoadedModel& model, std::shared_ptr<const EntrySpec> spec,
                    std::shared_ptr<InferRequest> request) {
    VolumeTask task;
    task.watch->deadline = Clock::now() + options_.timeout;
    task.read = [request] { return image_from_tensors(*request); };
    task.done = [spec, request, respond = call.respond](const LabelMap& label, const std::exception_ptr& failure) {
      OutputTensor output{label.voxels.shape, std::string(label.voxels.values.begin(), label.voxels.values.end())};
      respond([spec, request, failure, output = std::move(output)] {
        if (failure) std::rethrow_exception(too_long_if_cancelled(failure));
        return infer_response(*spec, *request, {output});
      });
    };
    if (!model.volumes.submit(std::move(task))) throw too_busy(spec->name);
  }

  static HttpError too_busy(const std::string& name) {
    return {429, fmt::format("too many requests wait for '{}'; try again later", name)};
  }

  // --- NIfTI files ---

  void segment(Call& call) {
    ModelHost& host = *find_entry(call).host;
    if (call.args[0] != host.name()) throw HttpError(404, fmt::format("use /v1/segment/{}", host.name()));
    const auto model = require_loaded(host);
    if (call.request.body.empty()) throw HttpError(400, "the body is empty; send a NIfTI file (.nii or .nii.gz)");
    VolumeTask task;
    const auto file = std::make_shared<std::string>(std::move(call.request.body));
    const bool compressed = is_compressed(*file);
    task.read = [file, limits = NiftiLimits{options_.volume_voxels}] {
      Image image = read_nifti(std::as_bytes(std::span(*file)), "image", limits);
      *file = {};
      return image;
    };
    const auto async = call.request.query.find("async");
    if (async != call.request.query.end() && async->second != "0" && async->second != "false")
      return start_job(call, host.name(), *model, std::move(task), compressed);
    task.watch->deadline = Clock::now() + options_.timeout;
    task.done = [compressed, respond = call.respond](const LabelMap& label, const std::exception_ptr& failure) {
      HttpResponse response = failure ? error_response(too_long_if_cancelled(failure)) : label_file(label, compressed);
      respond([response = std::move(response)] { return response; });
    };
    if (!model->volumes.submit(std::move(task))) throw too_busy(host.name());
  }

  void start_job(Call& call, const std::string& name, LoadedModel& model, VolumeTask task, bool compressed) {
    const std::string id = jobs_.add(name, task.watch);
    task.started = [this, id] { jobs_.started(id); };
    task.done = [this, id, compressed](const LabelMap& label, const std::exception_ptr& failure) {
      if (failure)
        jobs_.failed(id, failure);
      else
        jobs_.finished(id, label_file(label, compressed));
    };
    if (!model.volumes.submit(std::move(task))) {
      jobs_.remove(id);
      throw too_busy(name);
    }
    HttpResponse response = json_response(jobs_.state(id), 202);
    response.headers.emplace_back("Location", "/v1/jobs/" + id);
    call.respond([response = std::move(response)] { return response; });
  }

  void job_state(Call& call) { answer(call, jobs_.state(call.args[0])); }
  void job_cancel(Call& call) { answer(call, jobs_.cancel(call.args[0])); }
  void job_result(Call& call) {
    call.respond([response = jobs_.result(call.args[0])] { return response; });
  }

  static void answer(Call& call, const Json& json) {
    call.respond([response = json_response(json)] { return response; });
  }

  const ServiceOptions options_;
  const ApiKeys keys_;
  Jobs jobs_;
  std::mutex mutex_;
  std::map<int, std::uint64_t> responses_;  ///< by status
  std::deque<ModelHost> hosts_;             ///< after what their work uses
  TaskThread admin_;                        ///< loads and unloads
};

Service::Service(ServiceOptions options, std::vector<ModelSource> models)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(models))) {}
Service::~Service() = default;
void Service::set_draining() {
  impl_->draining = true;
}
std::optional<HttpResponse> Service::refuse(const HttpRequest& head) {
  return impl_->refuse(head);
}
void Service::handle(HttpRequest request, Respond respond) {
  impl_->handle(std::move(request), std::move(respond));
}
void Service::finished(const HttpRequest& head, int status, std::size_t bytes_in, std::size_t bytes_out,
                       double seconds) {
  impl_->finished(head, status, bytes_in, bytes_out, seconds);
}

}  // namespace nnunet::serve
