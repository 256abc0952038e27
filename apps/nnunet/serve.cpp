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
#include "inference_options.h"
#include "nnunet/core/error.h"
#include "nnunet/core/interrupt.h"
#include "nnunet/core/log.h"
#include "nnunet/infer/served_predictor.h"
#include "nnunet/serve/grpc_server.h"
#include "nnunet/serve/http.h"
#include "nnunet/serve/service.h"
#include "number_checks.h"
#include "shared_options.h"
#include "torch_door.h"

namespace nnunet::app {
namespace {

namespace fs = std::filesystem;

struct ServeOptions : InferenceOptions {
  std::vector<std::string> models;  ///< NAME=CKPT
  serve::HttpOptions http;
  serve::GrpcOptions grpc;
  std::int64_t grpc_port = 8001;
  serve::ServiceOptions service;
  std::int64_t batch_delay_us = 500, max_request_mib = 512, volume_gib = 16;
  double timeout_s = 300, drain_s = 30;
  fs::path api_keys, access_log;
  std::optional<fs::path> page;
};

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

/// NAME=CKPT, several of one name being the folds of an ensemble.
std::vector<serve::ModelSource> sources(const ServeOptions& o) {
  std::map<std::string, std::vector<fs::path>> checkpoints;
  for (const std::string& model : o.models) {
    const std::size_t equals = model.find('=');
    if (equals == std::string::npos || equals + 1 == model.size())
      throw Error("--model", fmt::format("'{}' is not NAME=CHECKPOINT", model), "give, say, --model heart=best.ckpt");
    checkpoints[model.substr(0, equals)].emplace_back(model.substr(equals + 1));
  }
  const auto device = std::make_shared<DeviceThread>();
  std::vector<serve::ModelSource> all;
  for (const auto& [name, files] : checkpoints) {
    InferenceOptions inference = o;
    inference.ckpt_path = files;
    all.push_back({name, [inference, device] {
                     std::unique_ptr<serve::ServedModel> model;
                     device->run([&] { model = serve_predictor(make_predictor(inference, nullptr), device); });
                     return model;
                   }});
  }
  return all;
}

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

/// Where the page lies beside this program, built or installed; empty, with a warning, where it does not.
fs::path own_page() {
  const fs::path folder = fs::read_symlink("/proc/self/exe").parent_path() / NNUNET_DATA_FROM_BIN / "nnunet" / "page";
  if (fs::exists(folder / "index.html")) return folder.lexically_normal();
  log::warn(fmt::format("{} is not there: no page for browsers", folder.lexically_normal().string()));
  return {};
}

void complete(ServeOptions& o) {
  if (o.http.certificate.empty() != o.http.key.empty())
    throw Error("--tls_cert and --tls_key", "one is given without the other", "give both, or none");
  o.http.max_request_bytes = static_cast<std::size_t>(o.max_request_mib) << 20;
  o.http.max_bytes = 4 * o.http.max_request_bytes;
  o.grpc = {o.http.host,
            static_cast<std::uint16_t>(std::max<std::int64_t>(o.grpc_port, 0)),
            o.http.max_request_bytes,
            o.http.max_bytes,
            o.http.certificate,
            o.http.key};
  o.service.batch_delay = std::chrono::microseconds(o.batch_delay_us);
  o.service.volume_bytes = o.volume_gib << 30;
  o.service.timeout = milliseconds(o.timeout_s);
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

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

void serve_until_asked_to_stop(ServeOptions& o) {
  Interrupt interrupt;  // before other threads start
  complete(o);
  auto models = sources(o);
  const std::size_t count = models.size();
  serve::Service service(o.service, std::move(models));
  serve::HttpServer server(o.http, service);
#ifdef NNUNET_GRPC
  std::optional<serve::GrpcServer> grpc;
  if (o.grpc_port >= 0) grpc.emplace(o.grpc, service);
  if (grpc) log::info(fmt::format("gRPC at {}:{}", o.http.host, grpc->port()));
#else
  log::info("this program was built without gRPC");
#endif
  if (!is_loopback(o.http.host) && o.service.api_keys.empty())
    log::warn(fmt::format("{} can be reached from other machines, by anyone: --api_keys asks for a key", o.http.host));
  log::info(fmt::format("{} model{} at {}://{}:{}", count, count == 1 ? "" : "s",
                        o.http.certificate.empty() ? "http" : "https", o.http.host, server.port()));
  while (!interrupt.requested()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  log::info(fmt::format("{}: finishing the requests that are there", interrupt.signal_name()));
  service.set_draining();
  const auto limit = milliseconds(o.drain_s);
  auto grpc_drained = std::async(std::launch::async, [&] {
#ifdef NNUNET_GRPC
    return !grpc || grpc->drain(limit);
#else
    return true;
#endif
  });
  const bool drained = server.drain(limit);
  if (!grpc_drained.get() || !drained) log::warn("not all requests were answered in time (--drain_s)");
}

void add_limits(CLI::App& c, ServeOptions& o) {
  const std::string group = "Limits";
  const auto number = [&](const char* name, auto& value, const char* help) {
    c.add_option(name, value, help)->check(positive())->capture_default_str()->group(group);
  };
  number("--max_batch", o.service.max_batch, "Patches that the network takes at a time, over requests");
  c.add_option("--batch_delay_us", o.batch_delay_us, "Microseconds that a patch waits for others")
      ->check(not_negative())
      ->capture_default_str()
      ->group(group);
  number("--max_queue", o.service.max_queue, "Patch requests that may wait, for each model; further ones get 429");
  number("--max_volumes", o.service.max_volumes, "Volumes that may wait, for each model; further ones get 429");
  number("--max_request_mib", o.max_request_mib, "Size of a request's body; of all together four times as much");
  number("--max_volume_gib", o.volume_gib, "Memory that one volume may take, resampled");
  number("--max_connections", o.http.max_connections, "Connections at a time");
  number("--timeout_s", o.timeout_s, "Seconds that a request may wait, or a volume take unless it is a job");
  number("--drain_s", o.drain_s, "Seconds for running requests after SIGTERM");
}

}  // namespace

void add_serve(CLI::App& program) {
  auto* c = program.add_subcommand(
      "serve", "Answer requests over HTTP (KServe v2 / Triton protocol, NIfTI files) with models kept in memory");
  const auto o = std::make_shared<ServeOptions>();
  const std::string group = "Server";
  c->add_option("--model", o->models, "NAME=CHECKPOINT; several of one NAME (folds) are averaged")
      ->required()
      ->group(group);
  c->add_option("--host", o->http.host, "Address to listen at; 0.0.0.0: all of this machine's")
      ->capture_default_str()
      ->group(group);
  c->add_option("--port", o->http.port, "0: any that is free")->capture_default_str()->group(group);
  c->add_option("--grpc_port", o->grpc_port, "The same over gRPC; 0: any that is free; -1: no gRPC")
      ->check(between(-1, 65535))
      ->capture_default_str()
      ->group(group);
  c->add_option("--api_keys", o->api_keys, "File of keys, one a line, of which clients must give one")->group(group);
  c->add_option("--page", o->page, "Folder of the page at / (default: the one beside the program; '': no page)")
      ->group(group);
  c->add_option("--tls_cert", o->http.certificate, "Certificate chain (PEM): HTTPS instead of HTTP, gRPC over TLS")
      ->group(group);
  c->add_option("--tls_key", o->http.key, "Its private key (PEM)")->group(group);
  c->add_option("--access_log", o->access_log, "File for a JSON line a request (default: stderr)")->group(group);
  add_limits(*c, *o);
  const std::string inference = "Inference";
  c->add_option("--gpus", o->gpus, "Number of GPUs; 0: the CPU (default: one GPU where there is one, else the CPU)")
      ->group(inference);
  add_engine_option(*c, o->engine, inference);
  add_precision_options(*c, *o, inference);
  add_window_options(*c, *o, inference);
  c->remove_option(c->get_option("--test_batches"));
  c->callback([o] {
    if (o->gpus > 1) throw Error("--gpus", "one GPU is used at most", "use --gpus 1");
    go_where_network_runs(o->engine, o->gpus);
    serve_until_asked_to_stop(*o);
  });
}

}  // namespace nnunet::app
