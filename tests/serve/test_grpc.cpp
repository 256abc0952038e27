// The same calls over gRPC, with gRPC's own client.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <future>

#include "certificate.h"
#include "client.h"
#include "fake_model.h"
#include "kserve.grpc.pb.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/serve/grpc_server.h"
#include "reference/shared.h"

using namespace nnunet;
using namespace nnunet::test;
using namespace std::chrono_literals;
using grpc::StatusCode;

namespace {

serve::GrpcOptions on_a_free_port(serve::GrpcOptions options) {
  options.port = 0;
  return options;
}

/// A fake model over HTTP and gRPC, and a client of the latter.
struct FakeGrpc {
  explicit FakeGrpc(serve::ServiceOptions service = {}, const serve::GrpcOptions& options = {})
      : fake(std::move(service)), server(on_a_free_port(options), fake.service) {}
  ~FakeGrpc() { fake.control->hold = false; }

  FakeServer fake;
  serve::GrpcServer server;
  std::shared_ptr<grpc::Channel> channel =
      grpc::CreateChannel("127.0.0.1:" + std::to_string(server.port()), grpc::InsecureChannelCredentials());
  std::unique_ptr<inference::GRPCInferenceService::Stub> stub = inference::GRPCInferenceService::NewStub(channel);
};

std::vector<float> patches(std::size_t n, float first = 0) {
  std::vector<float> x(n * 2 * fake_voxels);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = first + 0.25F * static_cast<float>(i % 97);
  return x;
}

std::string bytes_of(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

inference::ModelInferRequest::InferInputTensor& add_tensor(inference::ModelInferRequest& request,
                                                           const std::vector<std::int64_t>& shape,
                                                           const std::string& name = "INPUT__0") {
  auto& tensor = *request.add_inputs();
  tensor.set_name(name);
  tensor.set_datatype("FP32");
  tensor.mutable_shape()->Assign(shape.begin(), shape.end());
  return tensor;
}

/// n patches as raw bytes.
inference::ModelInferRequest patch_request(std::int64_t n = 1, float first = 0) {
  inference::ModelInferRequest request;
  request.set_model_name("fake");
  add_tensor(request, {n, 2, 4, 6});
  request.add_raw_input_contents(bytes_of(patches(static_cast<std::size_t>(n), first)));
  return request;
}

inference::ModelInferRequest volume_request(std::vector<float> spacing = {1, 2, 3}) {
  inference::ModelInferRequest request;
  request.set_model_name("fake_volume");
  add_tensor(request, {2, 2, 3, 1});
  add_tensor(request, {3}, "INPUT__1");
  request.add_raw_input_contents(bytes_of({0, 1, 0, 0.6F, 0, 1, 0, 0, 0, 0, 0, 0}));
  request.add_raw_input_contents(bytes_of(spacing));
  return request;
}

struct Answer {
  grpc::Status status;
  inference::ModelInferResponse message;
};

Answer infer(FakeGrpc& server, const inference::ModelInferRequest& request) {
  Answer answer;
  grpc::ClientContext context;
  answer.status = server.stub->ModelInfer(&context, request, &answer.message);
  return answer;
}

bool metric_is(const FakeGrpc& server, const std::string& line) {
  return request(server.fake.port(), "GET", "/metrics").body.find(line + "\n") != std::string::npos;
}

/// A call by its method.
template <class Request, class Response>
grpc::Status call(FakeGrpc& server,
                  grpc::Status (inference::GRPCInferenceService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                                Response*),
                  Response& response, const Request& request = {}) {
  grpc::ClientContext context;
  return (server.stub.get()->*method)(&context, request, &response);
}

using Stub = inference::GRPCInferenceService::Stub;

/// grpc.health.v1: the bytes of the answer's message.
std::string health(const FakeGrpc& server) {
  grpc::GenericStub stub(server.channel);
  grpc::ClientContext context;
  const grpc::ByteBuffer request(nullptr, 0);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", {}, &request, &response,
                 [&](grpc::Status status) { done.set_value(std::move(status)); });
  if (const auto status = done.get_future().get(); !status.ok()) return status.error_message();
  grpc::Slice slice;
  if (!response.DumpToSingleSlice(&slice).ok()) return "no bytes";
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

}  // namespace

TEST(Grpc, HealthAndMetadata) {
  FakeGrpc server;
  inference::ServerLiveResponse live;
  ASSERT_TRUE(call(server, &Stub::ServerLive, live).ok());
  EXPECT_TRUE(live.live());
  inference::ServerReadyResponse ready;
  ASSERT_TRUE(call(server, &Stub::ServerReady, ready).ok());
  EXPECT_TRUE(ready.ready());
  EXPECT_EQ(health(server), std::string("\x08\x01"));  // SERVING

  inference::ServerMetadataResponse all;
  ASSERT_TRUE(call(server, &Stub::ServerMetadata, all).ok());
  EXPECT_EQ(all.name(), "nnunet");
  inference::ModelMetadataRequest of;
  of.set_name("fake");
  inference::ModelMetadataResponse patch;
  ASSERT_TRUE(call(server, &Stub::ModelMetadata, patch, of).ok());
  EXPECT_EQ(std::vector<std::int64_t>(patch.inputs(0).shape().begin(), patch.inputs(0).shape().end()),
            (std::vector<std::int64_t>{-1, 2, 4, 6}));
  EXPECT_EQ(patch.outputs(0).name(), "OUTPUT__0");
  inference::ModelConfigRequest config_of;
  config_of.set_name("fake");
  inference::ModelConfigResponse config;
  ASSERT_TRUE(call(server, &Stub::ModelConfig, config, config_of).ok());
  EXPECT_EQ(config.config().max_batch_size(), 8);
  EXPECT_EQ(config.config().input(0).dims_size(), 3);
  EXPECT_EQ(config.config().input(0).data_type(), inference::TYPE_FP32);
  EXPECT_EQ(config.config().dynamic_batching().max_queue_delay_microseconds(), 500U);
  inference::ModelReadyRequest ready_of;
  ready_of.set_name("fake_volume");
  inference::ModelReadyResponse model;
  ASSERT_TRUE(call(server, &Stub::ModelReady, model, ready_of).ok());
  EXPECT_TRUE(model.ready());
  ready_of.set_version("2");
  EXPECT_EQ(call(server, &Stub::ModelReady, model, ready_of).error_code(), StatusCode::NOT_FOUND);
}

TEST(Grpc, InferFromRawAndTypedContents) {
  FakeGrpc server;
  const std::string expected = bytes_of(FakeModel::logits(patches(2)));
  auto request = patch_request(2);
  request.set_id("seven");
  const Answer raw = infer(server, request);
  ASSERT_TRUE(raw.status.ok()) << raw.status.error_message();
  EXPECT_EQ(raw.message.id(), "seven");
  EXPECT_EQ(raw.message.outputs(0).datatype(), "FP32");
  EXPECT_EQ(std::vector<std::int64_t>(raw.message.outputs(0).shape().begin(), raw.message.outputs(0).shape().end()),
            (std::vector<std::int64_t>{2, 3, 4, 6}));
  EXPECT_TRUE(raw.message.raw_output_contents(0) == expected);
  request.clear_raw_input_contents();
  const auto x = patches(2);
  request.mutable_inputs(0)->mutable_contents()->mutable_fp32_contents()->Assign(x.begin(), x.end());
  const Answer typed = infer(server, request);
  ASSERT_TRUE(typed.status.ok()) << typed.status.error_message();
  EXPECT_TRUE(typed.message.raw_output_contents(0) == expected);

  inference::ModelStatisticsResponse statistics;
  ASSERT_TRUE(call(server, &Stub::ModelStatistics, statistics).ok());
  EXPECT_EQ(statistics.model_stats(0).name(), "fake");
  EXPECT_EQ(statistics.model_stats(0).inference_count(), 4U);
  EXPECT_EQ(statistics.model_stats(0).inference_stats().success().count(), 2U);
  EXPECT_EQ(statistics.model_stats(0).batch_stats(0).batch_size(), 2U);
  EXPECT_EQ(statistics.model_stats(0).batch_stats(0).compute_infer().count(), 2U);
}

TEST(Grpc, WrongRequestsGetAStatusAndAMessage) {
  FakeGrpc server;
  const auto add_values = [](inference::ModelInferRequest::InferInputTensor& tensor, std::size_t at, float value) {
    std::vector<float> x = patches(1);
    x[at] = value;
    tensor.mutable_contents()->mutable_fp32_contents()->Assign(x.begin(), x.end());
  };
  struct Case {
    std::function<void(inference::ModelInferRequest&)> spoil;
    StatusCode code;
    std::string message;
  };
  using Request = inference::ModelInferRequest;
  const auto input = [](Request& r) { return r.mutable_inputs(0); };
  const Case cases[] = {
      {[](Request& r) { r.set_model_name("other"); }, StatusCode::NOT_FOUND, "unknown model: 'other'"},
      {[](Request& r) { r.set_model_version("2"); }, StatusCode::NOT_FOUND, "version 2"},
      {[](Request& r) { r.clear_inputs(); }, StatusCode::INVALID_ARGUMENT, "0 inputs, but 1 raw"},
      {[](Request& r) { r.clear_inputs(), r.clear_raw_input_contents(); }, StatusCode::INVALID_ARGUMENT,
       "expected 1 inputs but got 0"},
      {[&](Request& r) { input(r)->set_name("other"); }, StatusCode::INVALID_ARGUMENT, "unexpected inference input"},
      {[&](Request& r) { input(r)->set_datatype("INT32"); }, StatusCode::INVALID_ARGUMENT, "expects 'FP32'"},
      {[&](Request& r) { input(r)->set_shape(3, 5); }, StatusCode::INVALID_ARGUMENT,
       "Expected [-1,2,4,6], got [1,2,4,5]"},
      {[&](Request& r) { input(r)->set_shape(0, -1); }, StatusCode::INVALID_ARGUMENT, "unexpected shape"},
      {[&](Request& r) { input(r)->set_shape(0, 9); }, StatusCode::INVALID_ARGUMENT, "batch-size must be <= 8"},
      {[&](Request& r) { input(r)->clear_shape(); }, StatusCode::INVALID_ARGUMENT, "unexpected shape"},
      {[&](Request& r) { input(r)->mutable_contents()->add_fp32_contents(1); }, StatusCode::INVALID_ARGUMENT,
       "must not be specified"},
      {[&](Request& r) { r.clear_raw_input_contents(), input(r)->mutable_contents()->add_fp32_contents(1); },
       StatusCode::INVALID_ARGUMENT, "expecting 48 and got 1"},
      {[&](Request& r) { r.clear_raw_input_contents(), add_values(*input(r), 17, NAN); }, StatusCode::INVALID_ARGUMENT,
       "value 17 of input 'INPUT__0' is nan"},
      {[](Request& r) {
         std::vector<float> x = patches(1);
         x[5] = -INFINITY;
         *r.mutable_raw_input_contents(0) = bytes_of(x);
       },
       StatusCode::INVALID_ARGUMENT, "value 5 of input 'INPUT__0' is -inf"},
      {[](Request& r) { r.mutable_raw_input_contents(0)->pop_back(); }, StatusCode::INVALID_ARGUMENT,
       "unexpected total byte size 191"},
      {[&](Request& r) { (*input(r)->mutable_parameters())["shared_memory_region"].set_string_param("a"); },
       StatusCode::INVALID_ARGUMENT, "not supported"},
      {[](Request& r) { r.add_outputs()->set_name("other"); }, StatusCode::INVALID_ARGUMENT,
       "unexpected inference output"},
  };
  for (const Case& c : cases) {
    auto request = patch_request();
    c.spoil(request);
    const Answer answer = infer(server, request);
    EXPECT_EQ(answer.status.error_code(), c.code) << c.message;
    EXPECT_NE(answer.status.error_message().find(c.message), std::string::npos) << answer.status.error_message();
  }
  EXPECT_TRUE(infer(server, patch_request()).status.ok());
}

TEST(Grpc, VolumeEntry) {
  FakeGrpc server;
  const Answer answer = infer(server, volume_request());
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.message.outputs(0).datatype(), "UINT8");
  EXPECT_EQ(answer.message.raw_output_contents(0), std::string("\0\1\0\1\0\1", 6));
  EXPECT_EQ(infer(server, volume_request({1, 0, 3})).status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(infer(server, volume_request({1e6F, 1e3F, 3})).status.error_message().find("--max_volume_gib"),
            std::string::npos);
  serve::ServiceOptions impatient;
  impatient.timeout = 50ms;
  FakeGrpc slow(impatient);
  slow.fake.control->hold = true;
  EXPECT_EQ(infer(slow, volume_request()).status.error_code(), StatusCode::DEADLINE_EXCEEDED);
}

TEST(Grpc, RepositoryLoadsAndUnloads) {
  FakeGrpc server;
  const auto index = [&](bool ready) {
    inference::RepositoryIndexRequest request;
    request.set_ready(ready);
    inference::RepositoryIndexResponse response;
    EXPECT_TRUE(call(server, &Stub::RepositoryIndex, response, request).ok());
    return response;
  };
  EXPECT_EQ(index(true).models_size(), 2);
  inference::RepositoryModelUnloadRequest unload;
  unload.set_model_name("fake");
  (*unload.mutable_parameters())["unload_dependents"].set_bool_param(false);
  inference::RepositoryModelUnloadResponse unloaded;
  EXPECT_TRUE(call(server, &Stub::RepositoryModelUnload, unloaded, unload).ok());
  EXPECT_EQ(index(true).models_size(), 0);
  EXPECT_EQ(index(false).models(1).state(), "UNAVAILABLE");
  EXPECT_EQ(infer(server, patch_request()).status.error_code(), StatusCode::UNAVAILABLE);
  inference::RepositoryModelLoadRequest load;
  inference::RepositoryModelLoadResponse loaded;
  load.set_model_name("../etc");
  EXPECT_EQ(call(server, &Stub::RepositoryModelLoad, loaded, load).error_code(), StatusCode::NOT_FOUND);
  load.set_model_name("fake");
  (*load.mutable_parameters())["config"].set_string_param("{}");
  EXPECT_EQ(call(server, &Stub::RepositoryModelLoad, loaded, load).error_code(), StatusCode::INVALID_ARGUMENT);
  load.clear_parameters();
  EXPECT_TRUE(call(server, &Stub::RepositoryModelLoad, loaded, load).ok());
  EXPECT_TRUE(infer(server, patch_request()).status.ok());
}

TEST(Grpc, RequestsOfBothProtocolsShareBatchesAndTheQueue) {
  serve::ServiceOptions options;
  options.max_batch = 2;
  options.max_queue = 2;
  FakeGrpc server(options);
  server.fake.control->hold = true;
  std::vector<std::future<Answer>> answers;
  const auto send = [&](float x) {
    answers.push_back(std::async(std::launch::async, [&, x] { return infer(server, patch_request(1, x)); }));
  };
  send(0);
  ASSERT_TRUE(eventually([&] { return server.fake.control->inside == 1; }));
  send(1);
  send(2);
  ASSERT_TRUE(eventually([&] { return metric_is(server, "nnunet_queue_length{model=\"fake\"} 2"); }));
  const Answer refused = infer(server, patch_request());
  EXPECT_EQ(refused.status.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_NE(refused.status.error_message().find("too many requests"), std::string::npos);
  server.fake.control->hold = false;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Answer answer = answers[i].get();
    ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
    EXPECT_TRUE(answer.message.raw_output_contents(0) ==
                bytes_of(FakeModel::logits(patches(1, static_cast<float>(i)))));
  }
  EXPECT_EQ(server.fake.control->batches, (std::vector<std::int64_t>{1, 2, 1, 2}));
  EXPECT_TRUE(eventually([&] { return metric_is(server, "nnunet_grpc_responses_total{code=\"429\"} 1"); }));
}

TEST(Grpc, WhoLeavesCancelsWhatHeAskedFor) {
  serve::ServiceOptions options;
  options.max_batch = 1;
  FakeGrpc server(options);
  server.fake.control->hold = true;
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::future<grpc::Status>> statuses;
  const auto send = [&](const inference::ModelInferRequest& request) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    statuses.push_back(std::async(std::launch::async, [&, request, context = contexts.back().get()] {
      inference::ModelInferResponse response;
      return server.stub->ModelInfer(context, request, &response);
    }));
  };
  send(volume_request());
  ASSERT_TRUE(eventually([&] { return server.fake.control->inside == 1; }));
  send(patch_request());
  ASSERT_TRUE(eventually([&] { return server.fake.control->inside == 2; }));
  send(patch_request(1, 5));
  ASSERT_TRUE(eventually([&] { return metric_is(server, "nnunet_queue_length{model=\"fake\"} 1"); }));
  contexts[0]->TryCancel();
  contexts[2]->TryCancel();
  EXPECT_TRUE(eventually([&] { return server.fake.control->inside == 1; }));  // the volume has ended
  EXPECT_EQ(statuses[0].get().error_code(), StatusCode::CANCELLED);
  EXPECT_EQ(statuses[2].get().error_code(), StatusCode::CANCELLED);
  server.fake.control->hold = false;
  EXPECT_TRUE(statuses[1].get().ok());
  EXPECT_TRUE(eventually([&] { return metric_is(server, "nnunet_grpc_responses_total{code=\"499\"} 2"); }));
  EXPECT_TRUE(infer(server, patch_request()).status.ok());
  EXPECT_EQ(server.fake.control->batches, (std::vector<std::int64_t>{1, 1, 1, 1}));  // two to warm up
}

TEST(Grpc, KeysInMetadata) {
  serve::ServiceOptions options;
  options.api_keys = {"first", "second"};
  FakeGrpc server(options);
  const auto status = [&](const std::string& name, const std::string& value) {
    grpc::ClientContext context;
    if (!name.empty()) context.AddMetadata(name, value);
    inference::ModelInferResponse response;
    return server.stub->ModelInfer(&context, patch_request(), &response).error_code();
  };
  EXPECT_EQ(status("", ""), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(status("authorization", "BEARER second"), StatusCode::OK);
  EXPECT_EQ(status("authorization", "Bearer third"), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(status("authorization", "Bearer second"), StatusCode::OK);
  EXPECT_EQ(status("x-api-key", "first"), StatusCode::OK);
  inference::ServerLiveResponse live;
  EXPECT_TRUE(call(server, &Stub::ServerLive, live).ok());
  inference::ServerMetadataResponse all;
  EXPECT_EQ(call(server, &Stub::ServerMetadata, all).error_code(), StatusCode::UNAUTHENTICATED);
  grpc::ClientContext context;
  const auto stream = server.stub->ModelStreamInfer(&context);
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::UNAUTHENTICATED);
}

TEST(Grpc, LargeAndCompressedMessagesAreRefused) {
  serve::GrpcOptions options;
  options.max_request_bytes = 100000;
  options.max_bytes = 150000;
  FakeGrpc server({}, options);
  auto request = patch_request();
  request.set_raw_input_contents(0, std::string(100000, 'a'));
  EXPECT_EQ(infer(server, request).status.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  grpc::ClientContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  inference::ModelInferResponse response;
  EXPECT_EQ(server.stub->ModelInfer(&context, patch_request(), &response).error_code(), StatusCode::UNIMPLEMENTED);
  EXPECT_TRUE(infer(server, patch_request()).status.ok());
}

TEST(Grpc, VolumesMayBeLargerThanTheLibraryTakesByDefault) {
  FakeGrpc server;
  inference::ModelInferRequest request;
  request.set_model_name("fake_volume");
  add_tensor(request, {2, 100, 100, 60});
  add_tensor(request, {3}, "INPUT__1");
  request.add_raw_input_contents(bytes_of(std::vector<float>(1200000, 1)));
  request.add_raw_input_contents(bytes_of({1, 1, 1}));
  const Answer answer = infer(server, request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_TRUE(answer.message.raw_output_contents(0) == std::string(600000, '\1'));
}

TEST(Grpc, OverTls) {
  const TempFolder folder;
  write_certificate(folder / "cert.pem", folder / "key.pem");
  serve::GrpcOptions options;
  options.certificate = folder / "cert.pem";
  options.key = folder / "key.pem";
  FakeGrpc server({}, options);
  EXPECT_EQ(infer(server, patch_request()).status.error_code(), StatusCode::UNAVAILABLE);  // not encrypted
  grpc::SslCredentialsOptions trusted;
  trusted.pem_root_certs = read_text(options.certificate);
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride("localhost");
  server.stub = inference::GRPCInferenceService::NewStub(grpc::CreateCustomChannel(
      "127.0.0.1:" + std::to_string(server.server.port()), grpc::SslCredentials(trusted), arguments));
  EXPECT_TRUE(infer(server, patch_request()).status.ok());
  options.key = options.certificate;
  options.port = 0;
  EXPECT_THROW(serve::GrpcServer(options, server.fake.service), Error);
}

TEST(Grpc, StreamsAnswerRequestsInOrder) {
  FakeGrpc server;
  grpc::ClientContext context;
  const auto stream = server.stub->ModelStreamInfer(&context);
  auto wrong = patch_request();
  wrong.mutable_inputs(0)->set_datatype("INT8");
  for (const auto& request : {patch_request(1, 1), wrong, patch_request(1, 2)}) ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->WritesDone());
  inference::ModelStreamInferResponse first, second, third, none;
  ASSERT_TRUE(stream->Read(&first) && stream->Read(&second) && stream->Read(&third));
  EXPECT_TRUE(first.infer_response().raw_output_contents(0) == bytes_of(FakeModel::logits(patches(1, 1))));
  EXPECT_NE(second.error_message().find("expects 'FP32'"), std::string::npos);
  EXPECT_EQ(third.error_message(), "");
  EXPECT_TRUE(third.infer_response().raw_output_contents(0) == bytes_of(FakeModel::logits(patches(1, 2))));
  EXPECT_FALSE(stream->Read(&none));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(Grpc, DrainAnswersWhatIsThereAndTakesNothingNew) {
  FakeGrpc server;
  grpc::ClientContext idle_context;
  const auto idle = server.stub->ModelStreamInfer(&idle_context);
  ASSERT_TRUE(idle->Write(patch_request()));
  inference::ModelStreamInferResponse one;
  ASSERT_TRUE(idle->Read(&one));
  server.fake.control->hold = true;
  auto answer = std::async(std::launch::async, [&] { return infer(server, patch_request(1, 4)); });
  ASSERT_TRUE(eventually([&] { return server.fake.control->inside == 1; }));
  server.fake.service.set_draining();
  inference::ServerReadyResponse ready;
  ASSERT_TRUE(call(server, &Stub::ServerReady, ready).ok());
  EXPECT_FALSE(ready.ready());
  auto drained = std::async(std::launch::async, [&] { return server.server.drain(20s); });
  EXPECT_FALSE(idle->Read(&one));
  EXPECT_EQ(idle->Finish().error_code(), StatusCode::UNAVAILABLE);
  EXPECT_TRUE(eventually([&] { return !RawClient(server.server.port()).connected(); }));
  EXPECT_FALSE(infer(server, patch_request()).status.ok());
  server.fake.control->hold = false;
  EXPECT_TRUE(drained.get());
  EXPECT_TRUE(answer.get().status.ok());
}

TEST(Grpc, DrainCancelsWhatTakesTooLong) {
  FakeGrpc server;
  server.fake.control->hold = true;
  auto answer = std::async(std::launch::async, [&] { return infer(server, volume_request()); });
  ASSERT_TRUE(eventually([&] { return server.fake.control->inside == 1; }));
  EXPECT_FALSE(server.server.drain(50ms));
  EXPECT_FALSE(answer.get().status.ok());
}

TEST(Grpc, APortIsNotShared) {
  FakeGrpc server;
  serve::GrpcOptions options;
  options.port = server.server.port();
  EXPECT_THROW(serve::GrpcServer(options, server.fake.service), Error);
}

TEST(Grpc, BadClientsDoNotHarmOthers) {
  FakeGrpc server;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (const std::string bytes :
       {"", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\x16\x03\x01 no HTTP/2 at all", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff"}) {
    clients.push_back(std::make_unique<RawClient>(server.server.port()));
    clients.back()->send(bytes);
  }
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(infer(server, patch_request()).status.ok());
}
