#include "options/serve.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "commands.h"
#include "make_predictor.h"
#include "nnunet/core/error.h"
#include "nnunet/core/interrupt.h"
#include "nnunet/core/log.h"
#include "nnunet/core/loopback.h"
#include "nnunet/infer/opened_model.h"
#include "nnunet/infer/served_predictor.h"
#include "nnunet/serve/grpc_server.h"
#include "nnunet/serve/http.h"
#include "nnunet/serve/service.h"
#include "options/parser.h"
#include "torch_door.h"

namespace nnunet::app {
namespace {

namespace fs = std::filesystem;

/// Lines to a file that other programs may rotate by copying and truncating, or to a pipe, which nobody waits for.
class LineFile {
 public:
  explicit LineFile(const fs::path& path)
      : file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640)) {
    if (file_ < 0) throw Error(path.string(), "cannot be written", "choose another --access_log");
  }
  ~LineFile() { ::close(file_); }
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;

  /// Appended as a whole, whoever else writes. A full disk must not end the service.
  void write(std::string_view line) const {
    const std::string text = std::string(line) + '\n';
    [[maybe_unused]] const auto written = ::write(file_, text.data(), text.size());
  }

 private:
  int file_;
};

/// The folds of a model of nnU-Net v2 lie in one folder.
const fs::path& the_only(const std::vector<fs::path>& files, const std::string& name) {
  if (files.size() > 1)
    throw Error("--model " + name, "is given several times, but is a model of nnU-Net v2",
                "give its folder once; --folds chooses its networks");
  return files.front();
}

std::unique_ptr<serve::ServedModel> load(const ModelFlags& flags, const std::shared_ptr<DeviceThread>& device) {
  std::optional<V2Model> model = read_trained_model(flags.trained);
  ServedImages images;
  if (model) images = {image_format(*model), model->description.channels};
  std::unique_ptr<serve::ServedModel> served;
  device->run([&] {
    served = serve_predictor(make_predictor(flags, model ? &*model : nullptr, nullptr), device, std::move(images));
  });
  return served;
}

struct NamedFile {
  std::string name;
  fs::path file;
};

NamedFile named_file(const std::string& option, const std::string& text, const std::string& example) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals + 1 == text.size())
    throw Error(option, fmt::format("'{}' names no model and file", text),
                fmt::format("give, say, {} {}", option, example));
  return {text.substr(0, equals), text.substr(equals + 1)};
}

void take_labels_json(const ServeFlags& o, std::vector<serve::ModelSource>& models) {
  for (const std::string& text : o.labels_json) {
    const auto [name, file] = named_file("--labels_json", text, "heart=labels.json");
    const auto model = std::ranges::find(models, name, &serve::ModelSource::name);
    if (model == models.end())
      throw Error("--labels_json", fmt::format("there is no model '{}'", name), "use a NAME that --model gives");
    model->segments = dicom::read_segments(file);
  }
}

/// NAME=CKPT, several of one name being the folds of an ensemble.
std::vector<serve::ModelSource> sources(const ServeFlags& o) {
  std::map<std::string, std::vector<fs::path>> checkpoints;
  for (const std::string& text : o.models) {
    const auto [name, file] = named_file("--model", text, "heart=best.ckpt");
    checkpoints[name].push_back(file);
  }
  const auto device = std::make_shared<DeviceThread>();
  std::vector<serve::ModelSource> all;
  for (const auto& [name, files] : checkpoints) {
    ModelFlags flags;
    flags.compute = o.compute;
    flags.windows = o.windows;
    if (is_v2_model(files.front()))
      flags.trained = {the_only(files, name), o.trained.folds, o.trained.checkpoint};
    else
      flags.ckpt_path = files;
    all.push_back({name, [flags, device] { return load(flags, device); }, {}});
  }
  take_labels_json(o, all);
  return all;
}

/// Where the page lies beside this program, built or installed; empty, with a warning, where it does not.
fs::path own_page() {
  const fs::path folder = fs::read_symlink("/proc/self/exe").parent_path() / NNUNET_DATA_FROM_BIN / "nnunet" / "page";
  if (fs::exists(folder / "index.html")) return folder.lexically_normal();
  log::warn(fmt::format("{} is not there: no page for browsers", folder.lexically_normal().string()));
  return {};
}

#ifdef NNUNET_GRPC
serve::GrpcOptions grpc_options(const ServeFlags& o) {
  const serve::HttpOptions& http = o.http;
  return {http.host, static_cast<std::uint16_t>(o.grpc_port), http.max_request_bytes, http.max_bytes, http.certificate,
          http.key};
}
#endif

void complete(ServeFlags& o) {
  if (o.http.certificate.empty() != o.http.key.empty())
    throw Error("--tls_cert and --tls_key", "one is given without the other", "give both, or none");
  o.http.max_bytes = 4 * o.http.max_request_bytes;
  o.service.page = o.page ? *o.page : own_page();
  if (!o.api_keys.empty()) o.service.api_keys = serve::read_api_keys(o.api_keys);
  if (o.access_log.empty() || o.access_log == "-") {
    o.service.access_log = [mutex = std::make_shared<std::mutex>()](std::string_view line) {
      const std::lock_guard lock(*mutex);
      fmt::print(stderr, "{}\n", line);
    };
  } else {
    o.service.access_log = [file = std::make_shared<LineFile>(o.access_log)](std::string_view line) {
      file->write(line);
    };
  }
}

void serve_until_asked_to_stop(ServeFlags& o) {
  Interrupt interrupt;  // before other threads start
  complete(o);
  auto models = sources(o);
  const std::size_t count = models.size();
  serve::Service service(o.service, std::move(models));
  serve::HttpServer server(o.http, service);
#ifdef NNUNET_GRPC
  std::optional<serve::GrpcServer> grpc;
  if (o.grpc_port >= 0) grpc.emplace(grpc_options(o), service);
#else
  log::info("this program was built without gRPC");
#endif
  if (!is_loopback(o.http.host) && o.service.api_keys.empty())
    log::warn(fmt::format("{} can be reached from other machines, by anyone: --api_keys asks for a key", o.http.host));
#ifdef NNUNET_GRPC
  if (grpc) log::info(fmt::format("gRPC at {}:{}", o.http.host, grpc->port()));
#endif
  log::info(fmt::format("{} model{} at {}://{}:{}", count, count == 1 ? "" : "s",
                        o.http.certificate.empty() ? "http" : "https", o.http.host, server.port()));
  while (!interrupt.requested()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  log::info(fmt::format("{}: finishing the requests that are there", interrupt.signal_name()));
  service.set_draining();
  auto grpc_drained = std::async(std::launch::async, [&] {
#ifdef NNUNET_GRPC
    return !grpc || grpc->drain(o.drain);
#else
    return true;
#endif
  });
  const bool drained = server.drain(o.drain);
  if (!grpc_drained.get() || !drained) log::warn("not all requests were answered in time (--drain_s)");
}

void run(ServeFlags& flags) {
  if (flags.compute.gpus > 1) throw Error("--gpus", "one GPU is used at most", "use --gpus 1");
  go_where_network_runs(flags.compute.engine, flags.compute.gpus);
  serve_until_asked_to_stop(flags);
}

}  // namespace

void add_serve(CLI::App& program) {
  add_command<ServeFlags>(program, serve_command, run);
}

}  // namespace nnunet::app
