#include "nnunet/serve/grpc_server.h"

#include <fmt/format.h>
#include <grpc/grpc.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>

#include <algorithm>
#include <limits>

#include "grpc_call.h"
#include "grpc_messages.h"
#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"

namespace nnunet::serve {
namespace {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;
using namespace inference;

/// Messages of an inference, of which the request can be freed while the network works on its tensors.
class InferMessages final : public grpc::MessageHolder<ModelInferRequest, ModelInferResponse> {
 public:
  InferMessages() {
    set_request(request_.get());
    set_response(&response_);
  }
  void FreeRequest() override { request_.reset(); }
  void Release() override { delete this; }

 private:
  std::unique_ptr<ModelInferRequest> request_ = std::make_unique<ModelInferRequest>();
  ModelInferResponse response_;
};

class InferAllocator final : public grpc::MessageAllocator<ModelInferRequest, ModelInferResponse> {
 public:
  InferMessages* AllocateMessages() override { return new InferMessages; }
};

class Calls final : public GRPCInferenceService::CallbackService {
 public:
  explicit Calls(GrpcShared& shared) : shared_(shared), core_(shared.core) {
    SetMessageAllocatorFor_ModelInfer(&allocator_);
  }

  Reactor* ServerLive(Context* context, const ServerLiveRequest* request, ServerLiveResponse* response) override {
    return at_once(
        *context, "ServerLive", *request, *response, [&] { response->set_live(true); }, false);
  }

  Reactor* ServerReady(Context* context, const ServerReadyRequest* request, ServerReadyResponse* response) override {
    return at_once(
        *context, "ServerReady", *request, *response, [&] { response->set_ready(core_.ready()); }, false);
  }

  Reactor* ServerMetadata(Context* context, const ServerMetadataRequest* request,
                          ServerMetadataResponse* response) override {
    return at_once(*context, "ServerMetadata", *request, *response, [&] {
      response->set_name("nnunet");
      response->set_version("2");
      for (const std::string& extension : ServiceCore::extensions()) response->add_extensions(extension);
    });
  }

  Reactor* ModelReady(Context* context, const ModelReadyRequest* request, ModelReadyResponse* response) override {
    return at_once(*context, "ModelReady", *request, *response,
                   [&] { response->set_ready(core_.ready(core_.find(request->name(), request->version()))); });
  }

  Reactor* ModelMetadata(Context* context, const ModelMetadataRequest* request,
                         ModelMetadataResponse* response) override {
    return at_once(*context, "ModelMetadata", *request, *response, [&] {
      write_metadata(*ServiceCore::open(core_.find(request->name(), request->version())).spec(), *response);
    });
  }

  Reactor* ModelConfig(Context* context, const ModelConfigRequest* request, ModelConfigResponse* response) override {
    return at_once(*context, "ModelConfig", *request, *response, [&] {
      write_config(*ServiceCore::open(core_.find(request->name(), request->version())).spec(), core_.options(),
                   *response->mutable_config());
    });
  }

  Reactor* ModelStatistics(Context* context, const ModelStatisticsRequest* request,
                           ModelStatisticsResponse* response) override {
    return at_once(*context, "ModelStatistics", *request, *response, [&] {
      const auto entries =
          request->name().empty() ? core_.entries() : std::vector{core_.find(request->name(), request->version())};
      for (const Entry& entry : entries)
        write_statistics(entry.name(), entry.statistics().numbers(), *response->add_model_stats());
    });
  }

  Reactor* RepositoryIndex(Context* context, const RepositoryIndexRequest* request,
                           RepositoryIndexResponse* response) override {
    return at_once(*context, "RepositoryIndex", *request, *response, [&] {
      for (const IndexedEntry& entry : core_.index(request->ready())) {
        auto& model = *response->add_models();
        model.set_name(entry.name);
        model.set_version("1");
        model.set_state(entry.state);
        model.set_reason(entry.reason);
      }
    });
  }

  Reactor* RepositoryModelLoad(Context* context, const RepositoryModelLoadRequest* request,
                               RepositoryModelLoadResponse* response) override {
    return later(*context, "RepositoryModelLoad", *request, *response, [&](UnaryCall&, ServiceCore::Done done) {
      if (request->parameters_size() > 0) throw ServiceCore::no_load_parameters();
      core_.load(request->model_name(), std::move(done));
    });
  }

  Reactor* RepositoryModelUnload(Context* context, const RepositoryModelUnloadRequest* request,
                                 RepositoryModelUnloadResponse* response) override {
    return later(*context, "RepositoryModelUnload", *request, *response,
                 [&](UnaryCall&, ServiceCore::Done done) { core_.unload(request->model_name(), std::move(done)); });
  }

  Reactor* ModelInfer(Context* context, const ModelInferRequest* request, ModelInferResponse* response) override {
    return later(*context, "ModelInfer", *request, *response, [&](UnaryCall& call, ServiceCore::Done done) {
      start_infer(core_, *request, *response, call.cancellation().watch(), std::move(done));
      call.free_request();
    });
  }

  grpc::ServerBidiReactor<ModelInferRequest, ModelStreamInferResponse>* ModelStreamInfer(Context* context) override {
    return new StreamCall(shared_, *context);
  }

 private:
  /// start(call, done) sees to it that done is called, or throws.
  template <class Request, class Response, class Start>
  Reactor* later(Context& context, const char* method, const Request& request, const Response& response,
                 const Start& start, bool with_key = true) {
    auto* const call = new UnaryCall(shared_, context, method, response);
    try {
      if (with_key) call->record().require_key();
      call->record().take(request.ByteSizeLong());
      start(*call, [call](const std::exception_ptr& failure) { call->answer(failure); });
    } catch (...) {
      call->answer(std::current_exception());
    }
    return call;
  }

  /// The same for what is answered without waiting.
  template <class Request, class Response, class Fill>
  Reactor* at_once(Context& context, const char* method, const Request& request, const Response& response,
                   const Fill& fill, bool with_key = true) {
    return later(
        context, method, request, response,
        [&](UnaryCall&, const ServiceCore::Done& done) {
          fill();
          done(nullptr);
        },
        with_key);
  }

  GrpcShared& shared_;
  ServiceCore& core_;
  InferAllocator allocator_;
};

/// The library's clean-up, when nobody uses it any more, now and then waits ten seconds for connections that have just
/// ended: a process keeps it once it has served.
void keep_library() {
  [[maybe_unused]] static const bool kept = (grpc_init(), true);
}

std::shared_ptr<grpc::ServerCredentials> credentials(const GrpcOptions& o) {
  if (o.certificate.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  tls.pem_key_cert_pairs.push_back({read_text(o.key), read_text(o.certificate)});
  return grpc::SslServerCredentials(tls);
}

}  // namespace

class GrpcServer::Impl {
 public:
  Impl(const GrpcOptions& options, ServiceCore& core) : shared_(core, options.max_bytes), calls_(shared_) {
    keep_library();
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    const bool ipv6 = options.host.find(':') != std::string::npos;
    const std::string where =
        fmt::format("{0}{1}{2}:{3}", ipv6 ? "[" : "", options.host, ipv6 ? "]" : "", options.port);
    builder.AddListeningPort(where, credentials(options), &port_);
    set_limits(builder, options);
    builder.RegisterService(&calls_);
    server_ = builder.BuildAndStart();
    if (!server_ || port_ == 0)
      throw Error(where, "cannot listen there for gRPC, or certificate or key cannot be used",
                  "choose another --host or --grpc_port, or check --tls_cert and --tls_key (PEM)");
    server_->GetHealthCheckService()->SetServingStatus(GRPCInferenceService::service_full_name(), true);
  }

  ~Impl() { drain(std::chrono::milliseconds(0)); }

  std::uint16_t port() const { return static_cast<std::uint16_t>(port_); }

  bool drain(std::chrono::milliseconds limit) {
    if (!server_) return true;
    server_->GetHealthCheckService()->SetServingStatus(false);
    {
      const std::lock_guard lock(shared_.mutex);
      shared_.draining = true;
      for (StreamCall* const stream : shared_.streams) stream->drain();
    }
    const auto end = std::chrono::system_clock::now() + limit;
    server_->Shutdown(end);
    server_.reset();
    return std::chrono::system_clock::now() < end;
  }

 private:
  static void set_limits(grpc::ServerBuilder& builder, const GrpcOptions& options) {
    const auto most = static_cast<std::size_t>(std::numeric_limits<int>::max());
    builder.SetMaxReceiveMessageSize(static_cast<int>(std::min(options.max_request_bytes, most)));
    builder.SetMaxSendMessageSize(-1);
    builder.SetResourceQuota(grpc::ResourceQuota("messages").Resize(options.max_bytes));
    // What is compressed may be a thousand times larger than what was sent.
    for (const auto algorithm : {GRPC_COMPRESS_DEFLATE, GRPC_COMPRESS_GZIP})
      builder.SetCompressionAlgorithmSupportStatus(algorithm, false);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // two servers would share the port in silence
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 30000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30000);  // clients that have vanished
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // as many as it takes
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10000);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 256);  // of one connection
  }

  GrpcShared shared_;
  Calls calls_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;  ///< last: it uses all of the above
};

GrpcServer::GrpcServer(const GrpcOptions& options, Service& service)
    : impl_(std::make_unique<Impl>(options, service.core())) {}
GrpcServer::~GrpcServer() = default;
std::uint16_t GrpcServer::port() const {
  return impl_->port();
}
bool GrpcServer::drain(std::chrono::milliseconds limit) {
  return impl_->drain(limit);
}

}  // namespace nnunet::serve
