#include "nnunet/serve/service.h"

#include <fmt/format.h>

#include <atomic>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "dicom_request.h"
#include "header_tokens.h"
#include "infer_request.h"
#include "jobs.h"
#include "multipart.h"
#include "nnunet/data/phantom.h"
#include "process_metrics.h"
#include "request_json.h"
#include "sent_image.h"
#include "service_core.h"
#include "static_files.h"
#include "task_thread.h"

namespace nnunet::serve {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* json_example = "request.json";

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

/// A phantom as a file, the same whenever it is asked for; every channel shows it.
HttpResponse sample_file(int channels) {
  Image image = make_phantom_case(99, 0).image;
  std::vector<float>& values = image.voxels.values;
  const std::vector<float> first = values;
  for (int c = 1; c < channels; ++c) values.insert(values.end(), first.begin(), first.end());
  image.voxels.shape[0] = channels;
  const std::vector<std::byte> bytes = encode_image(image, true);
  HttpResponse response{200, "application/gzip", {}};
  response.body.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  response.headers.emplace_back("Content-Disposition", "attachment; filename=\"sample.nii.gz\"");
  return response;
}

}  // namespace

class Service::Impl {
 public:
  Impl(ServiceOptions options, std::vector<ModelSource> models)
      : page_(options.page), jobs_(options.max_jobs, options.job_ttl), core_(std::move(options), std::move(models)) {}

  ServiceCore& core() { return core_; }

  std::optional<HttpResponse> refuse(const HttpRequest& head) {
    const auto found = find_route(head);
    if (!found.route) return found.allowed.empty() ? not_found(head) : not_allowed(head, found.allowed);
    if (!found.route->open) core_.require_key(head.header("x-api-key"), head.header("authorization"));
    // A page from elsewhere that a user has open in the browser must not use this server.
    if (const std::string& origin = head.header("origin"); !origin.empty())
      if (const std::string& host = head.header("host");
          !same_token(origin, "http://" + host) && !same_token(origin, "https://" + host))
        return error_response(403, "requests from other sites' pages are not answered");
    return refuse_content(head, *found.route);
  }

  void handle(HttpRequest request, Respond respond) {
    auto found = find_route(request);
    Call call{std::move(request), std::move(found.args), std::move(respond)};
    (this->*found.route->run)(call);
  }

  void finished(const HttpRequest& head, int status, std::size_t bytes_in, std::size_t bytes_out, double seconds) {
    core_.finished(
        {"http", head.remote, head.method, head.path, head.header("user-agent"), status, bytes_in, bytes_out, seconds});
  }

 private:
  struct Route {
    const char* method;
    const char* pattern;  ///< '*' stands for a part of the path
    void (Impl::*run)(Call&);
    bool open = false;              ///< without an API key
    const char* example = nullptr;  ///< for POST: a file to send
  };
  struct Found {
    const Route* route = nullptr;
    std::vector<std::string> args{};
    std::vector<const Route*> allowed{};  ///< those of the path, where none has the method
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
        {"POST", "/v2/models/*/infer", &Impl::infer, false, json_example},
        {"GET", "/v2/models/*/versions/*", &Impl::model_metadata},
        {"GET", "/v2/models/*/versions/*/ready", &Impl::model_ready},
        {"GET", "/v2/models/*/versions/*/config", &Impl::model_config},
        {"GET", "/v2/models/*/versions/*/stats", &Impl::model_statistics},
        {"POST", "/v2/models/*/versions/*/infer", &Impl::infer, false, json_example},
        {"POST", "/v2/repository/index", &Impl::index, false, json_example},
        {"POST", "/v2/repository/models/*/load", &Impl::load, false, json_example},
        {"POST", "/v2/repository/models/*/unload", &Impl::unload, false, json_example},
        {"GET", "/v1/models", &Impl::list_models},
        {"POST", "/v1/segment/*", &Impl::segment, false, "image.nii.gz"},
        {"POST", "/v1/image", &Impl::image, false, "study.zip"},
        {"POST", "/dicom-web/*/studies", &Impl::store},
        {"POST", "/dicom-web/*/studies/*", &Impl::store},
        {"GET", "/v1/jobs/*", &Impl::job_state},
        {"GET", "/v1/jobs/*/result", &Impl::job_result},
        {"GET", "/v1/jobs/*/label_map", &Impl::job_label_map},
        {"DELETE", "/v1/jobs/*", &Impl::job_cancel},
        {"GET", "/v1/sample/*", &Impl::sample},
        {"GET", "/metrics", &Impl::metrics},
        {"GET", "/", &Impl::page, true},
        {"GET", "/page/*", &Impl::page, true},
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
      if (route.method == (head.method == "HEAD" ? "GET" : head.method)) return {&route, std::move(args)};
      found.allowed.push_back(&route);
    }
    return found;
  }

  static HttpResponse not_found(const HttpRequest& head) {
    const auto parts = split(head.path);
    const bool near = parts.size() >= 2 && parts[1] == "segment";
    return error_response(
        404, near ? "not found; images go to /v1/segment/NAME, GET /v1/models lists the names" : "not found");
  }

  /// What curl is to be told instead.
  static std::string curl_line(const Route& route) {
    if (route.example != nullptr) return fmt::format("curl --data-binary @{} URL", route.example);
    return std::string(route.method) == "GET" ? "curl URL" : fmt::format("curl -X {} URL", route.method);
  }

  static HttpResponse not_allowed(const HttpRequest& head, const std::vector<const Route*>& allowed) {
    std::string methods, lines;
    for (const Route* const route : allowed) {
      const std::string method = route->method;
      methods += (methods.empty() ? "" : ", ") + method + (method == "GET" ? ", HEAD" : "");
      lines += (lines.empty() ? "" : ", or ") + curl_line(*route);
    }
    HttpResponse response =
        error_response(405, fmt::format("method {} not allowed here; use {} ({})", head.method, methods, lines));
    response.headers.emplace_back("Allow", methods);
    return response;
  }

  /// A body that is sent in a way which this path does not take.
  static std::optional<HttpResponse> refuse_content(const HttpRequest& head, const Route& route) {
    for (const std::string_view coding : header_list(head.header("content-encoding")))
      if (!same_token(coding, "identity"))
        return error_response(415, fmt::format("compressed request bodies (Content-Encoding: {}) are not supported; a "
                                               ".nii.gz file is sent without that header",
                                               coding));
    if (route.example == json_example && lower_case(head.header("content-type")).starts_with("multipart/"))
      return error_response(
          415, fmt::format("forms are not taken here, the body must be the file itself: {}", curl_line(route)));
    return std::nullopt;
  }

  // --- server ---

  void live(Call& call) {
    call.respond([] { return HttpResponse{200, "text/plain", {}}; });
  }

  void ready(Call& call) {
    call.respond([all = core_.ready()] { return HttpResponse{all ? 200 : 400, "text/plain", {}}; });
  }

  void server_metadata(Call& call) {
    answer(call, {{"name", "nnunet"}, {"version", "2"}, {"extensions", ServiceCore::extensions()}});
  }

  void metrics(Call& call) {
    std::map<std::string, std::string> lines;
    core_.add_metrics(lines);
    for (const auto& [state, n] : jobs_.counts())
      lines["nnunet_jobs"] += fmt::format("nnunet_jobs{{state=\"{}\"}} {}\n", state, n);
    call.respond([text = metrics_text(std::move(lines))] {
      return HttpResponse{200, "text/plain; version=0.0.4; charset=utf-8", text};
    });
  }

  // --- models ---

  Entry find_entry(const Call& call) {
    return core_.find(call.args.at(0), call.args.size() > 1 ? call.args[1] : std::string());
  }

  void model_metadata(Call& call) { answer(call, entry_metadata(*ServiceCore::open(find_entry(call)).spec())); }
  void model_config(Call& call) {
    answer(call, entry_config(*ServiceCore::open(find_entry(call)).spec(), core_.options()));
  }

  void model_ready(Call& call) {
    call.respond([ready = core_.ready(find_entry(call))] { return HttpResponse{ready ? 200 : 400, "text/plain", {}}; });
  }

  void model_statistics(Call& call) { answer_statistics(call, {find_entry(call)}); }
  void all_statistics(Call& call) { answer_statistics(call, core_.entries()); }
  void answer_statistics(Call& call, const std::vector<Entry>& entries) {
    Json list = Json::array();
    for (const Entry& entry : entries) list.push_back(statistics_json(entry.name(), entry.statistics().numbers()));
    answer(call, {{"model_stats", list}});
  }

  void index(Call& call) {
    const Json body = parse_request_json(call.request.body.empty() ? "{}" : call.request.body);
    const bool only_ready = body.value("ready", Json(false)) == Json(true);
    Json list = Json::array();
    for (const IndexedEntry& entry : core_.index(only_ready)) {
      Json item{{"name", entry.name}, {"version", "1"}, {"state", entry.state}};
      if (!entry.reason.empty()) item["reason"] = entry.reason;
      list.push_back(std::move(item));
    }
    answer(call, list);
  }

  void load(Call& call) {
    const Json body = parse_request_json(call.request.body.empty() ? "{}" : call.request.body);
    if (body.contains("parameters") && !body["parameters"].empty()) throw ServiceCore::no_load_parameters();
    core_.load(call.args[0], changed(call));
  }

  void unload(Call& call) { core_.unload(call.args[0], changed(call)); }

  static ServiceCore::Done changed(const Call& call) {
    return [respond = call.respond](const std::exception_ptr& failure) {
      respond([failure] {
        if (failure) std::rethrow_exception(failure);
        return HttpResponse{200, "application/json", {}};
      });
    };
  }

  void list_models(Call& call) {
    Json list = Json::array();
    for (const ModelHost& host : core_.hosts()) {
      Json item{{"name", host.name()}, {"state", host.state()}};
      if (const auto model = host.loaded()) {
        item.update(model_json(*model->model));
        if (const std::string made_with = model->model->made_with(); !made_with.empty())
          item["made_with"] = Json::parse(made_with);
      }
      list.push_back(std::move(item));
    }
    answer(call, list);
  }

  static Json model_json(const ServedModel& model) {
    const DataConfig& data = model.data();
    const ModelDescription description = model.description();
    Json structures = Json::array();
    for (const auto& [value, name] : description.structures) structures.push_back({{"value", value}, {"name", name}});
    Json json{{"channels", data.in_channels},        {"classes", data.n_class},        {"labels", data.labels},
              {"structures", std::move(structures)}, {"regions", description.regions}, {"modality", data.modality},
              {"patch_size", data.patch_size},       {"spacing", data.spacings}};
    if (!description.channels.empty()) json["channel_names"] = description.channels;
    if (description.format.numbered) json["file_ending"] = description.format.ending;
    return json;
  }

  // --- inference ---

  void infer(Call& call) {
    const OpenEntry entry = ServiceCore::open(find_entry(call));
    const auto request = std::make_shared<InferRequest>(
        parse_infer_request(call.request.body, call.request.header("inference-header-content-length"), *entry.spec()));
    call.request.body = {};
    auto done = [spec = entry.spec(), request, respond = call.respond](std::vector<OutputTensor> outputs,
                                                                       const std::exception_ptr& failure) {
      respond([spec, request, failure, outputs = std::move(outputs)] {
        if (failure) std::rethrow_exception(failure);
        return infer_response(*spec, *request, outputs);
      });
    };
    core_.infer(entry, std::move(request->inputs), call.request.cancellation->watch(), std::move(done));
  }

  // --- images ---

  void segment(Call& call) {
    segment(call, {}, [](HttpResponse answer) { return answer; });
  }

  /// For DICOMweb's clients, which store instances (PS3.18 10.5), of any study or of the one that the path names: the
  /// object comes back the way they came.
  void store(Call& call) {
    if (!lower_case(call.request.header("content-type")).starts_with("multipart/related"))
      throw HttpError(415,
                      "instances are stored as multipart/related; type=\"application/dicom\"; POST /v1/segment/NAME "
                      "takes zips and forms");
    if (call.request.query.contains("async")) throw HttpError(400, "jobs are started by POST /v1/segment/NAME?async=1");
    call.request.query.emplace("dicom_seg", "binary");
    const std::string study = call.args.size() > 1 ? call.args[1] : std::string();
    call.args.resize(1);  // the model
    segment(call, study, [](HttpResponse answer) {
      if (answer.status != 200) return answer;
      RelatedBody body = related_body({answer.content_type, answer.body});
      answer.content_type = std::move(body.content_type);
      answer.body = std::move(body.bytes);
      std::erase_if(answer.headers, [](const auto& header) { return header.first == "Content-Disposition"; });
      return answer;
    });
  }

  /// study: as ImageTaker says. finish: makes the answer of the label map's.
  void segment(Call& call, const std::string& study, HttpResponse (*finish)(HttpResponse)) {
    const Entry entry = find_entry(call);
    if (entry.volume) throw HttpError(404, fmt::format("use /v1/segment/{}", entry.host->name()));
    const auto model = ServiceCore::open(entry).model;
    const std::shared_ptr<SentImage> image =
        take_image(call.request, {entry.name(), *model->model, entry.host->segments(), study}, core_.options());
    VolumeTask task;
    task.read = [image] { return image->read(); };
    if (flag(call.request.query, "async")) return start_job(call, entry.name(), *model, std::move(task), image);
    task.watch = call.request.cancellation->watch();
    task.done = [image, finish, respond = call.respond](const LabelMap& label, const std::exception_ptr& failure) {
      HttpResponse response = finish(failure ? error_response(failure) : image->answer(label, false).answer);
      respond([response = std::move(response)] { return response; });
    };
    core_.segment(*model, std::move(task));
  }

  void start_job(Call& call, const std::string& name, LoadedModel& model, VolumeTask task,
                 const std::shared_ptr<SentImage>& image) {
    const std::string id = jobs_.add(name, task.watch);
    task.started = [this, id] { jobs_.started(id); };
    task.done = [this, id, image](const LabelMap& label, const std::exception_ptr& failure) {
      if (failure)
        jobs_.failed(id, failure);
      else
        jobs_.finished(id, image->answer(label, true));
    };
    try {
      ServiceCore::segment_later(model, std::move(task));
    } catch (...) {
      jobs_.remove(id);
      throw;
    }
    HttpResponse response = json_response(jobs_.state(id), 202);
    response.headers.emplace_back("Location", "/v1/jobs/" + id);
    call.respond([response = std::move(response)] { return response; });
  }

  /// As many studies as volumes may wait: each takes disk and memory.
  void image(Call& call) {
    if (images_waiting_ >= core_.options().max_volumes)
      throw HttpError(429, "too many studies wait to be read; try again later");
    auto make = take_study_as_nifti(call.request, core_.options());
    ++images_waiting_;
    images_.add([this, make = std::move(make), watch = call.request.cancellation->watch(), respond = call.respond] {
      HttpResponse response;
      try {
        watch->check();
        response = make();
      } catch (...) {
        response = error_response(std::current_exception());
      }
      --images_waiting_;
      respond([response = std::move(response)] { return response; });
    });
  }

  void job_state(Call& call) { answer(call, jobs_.state(call.args[0])); }
  void job_cancel(Call& call) { answer(call, jobs_.cancel(call.args[0])); }
  void job_result(Call& call) {
    call.respond([response = jobs_.result(call.args[0])] { return response; });
  }
  void job_label_map(Call& call) {
    call.respond([response = jobs_.label_map(call.args[0])] { return response; });
  }

  void sample(Call& call) {
    const int channels = ServiceCore::open(find_entry(call)).model->model->data().in_channels;
    call.respond([channels] { return sample_file(channels); });
  }

  // --- the page ---

  void page(Call& call) {
    if (page_.empty()) throw HttpError(404, "this server has no page");
    call.respond(
        [response = page_.answer(call.request, call.args.empty() ? "index.html" : call.args[0])] { return response; });
  }

  static void answer(Call& call, const Json& json) {
    call.respond([response = json_response(json)] { return response; });
  }

  const StaticFiles page_;
  Jobs jobs_;
  ServiceCore core_;  ///< its work ends before the jobs do
  std::atomic<std::size_t> images_waiting_{0};
  TaskThread images_;  ///< studies as NIfTI
};

Service::Service(ServiceOptions options, std::vector<ModelSource> models)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(models))) {}
Service::~Service() = default;
ServiceCore& Service::core() {
  return impl_->core();
}
void Service::set_draining() {
  impl_->core().set_draining();
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
