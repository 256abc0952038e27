#include "grpc_call.h"

#include <algorithm>

#include "grpc_messages.h"
#include "url.h"

namespace nnunet::serve {
namespace {

/// "ipv4:127.0.0.1:80", "ipv6:%5B::1%5D:80" -> the address alone.
std::string address_of(const std::string& peer) {
  std::string text = percent_decoded(peer, false).value_or(peer);
  text.erase(0, text.find(':') + 1);
  text.erase(std::min(text.rfind(':'), text.size()));
  std::erase_if(text, [](char c) { return c == '[' || c == ']'; });
  return text;
}

}  // namespace

grpc::Status grpc_status(const Failure& failure) {
  using grpc::StatusCode;
  const auto code = [&] {
    switch (failure.status) {
      case 200:
        return StatusCode::OK;
      case 400:
      case 413:
        return StatusCode::INVALID_ARGUMENT;
      case 401:
        return StatusCode::UNAUTHENTICATED;
      case 404:
        return StatusCode::NOT_FOUND;
      case 429:
        return StatusCode::RESOURCE_EXHAUSTED;
      case 499:
        return StatusCode::CANCELLED;
      case 503:
        return StatusCode::UNAVAILABLE;
      case 504:
        return StatusCode::DEADLINE_EXCEEDED;
      default:
        return StatusCode::INTERNAL;
    }
  };
  return {code(), failure.message};
}

// --- records ---

CallRecord::CallRecord(GrpcShared& shared, const grpc::CallbackServerContext& context, const char* method)
    : shared_(shared), context_(context) {
  access_.protocol = "grpc";
  access_.remote = address_of(context.peer());
  access_.method = "gRPC";
  access_.path = std::string("/inference.GRPCInferenceService/") + method;
  access_.agent = metadata("user-agent");
}

CallRecord::~CallRecord() {
  release();
  access_.seconds = std::chrono::duration<double>(Clock::now() - begun_).count();
  shared_.core.finished(access_);
}

std::string CallRecord::metadata(const char* name) const {
  const auto found = context_.client_metadata().find(name);
  return found == context_.client_metadata().end() ? std::string()
                                                   : std::string(found->second.data(), found->second.size());
}

void CallRecord::require_key() const {
  shared_.core.require_key(metadata("x-api-key"), metadata("authorization"));
}

void CallRecord::take(std::size_t bytes) {
  release();
  access_.bytes_in += bytes;
  held_ = bytes;
  if ((shared_.bytes += bytes) > shared_.max_bytes) throw HttpError(429, "the server holds too many requests' data");
}

void CallRecord::release() {
  shared_.bytes -= std::exchange(held_, 0);
}

// --- one answer ---

void UnaryCall::answer(const std::exception_ptr& failure) {
  const Failure result = failure ? describe(failure) : Failure{200, {}};
  record_.set_status(result.status);
  shared_.answers.add([this, result] {
    if (result.status == 200) record_.sent(response_.ByteSizeLong());
    Finish(grpc_status(result));
  });
}

void UnaryCall::free_request() {
  record_.release();
  if (auto* const messages = context_.GetRpcAllocatorState()) messages->FreeRequest();
}

void UnaryCall::OnDone() {
  if (cancellation_.cancelled()) record_.set_status(499);
  delete this;
}

// --- streams ---

StreamCall::StreamCall(GrpcShared& shared, grpc::CallbackServerContext& context)
    : shared_(shared), record_(shared, context, "ModelStreamInfer") {
  {
    const std::lock_guard lock(shared_.mutex);
    shared_.streams.insert(this);
  }
  try {
    record_.require_key();
    read();
  } catch (...) {
    finish(describe(std::current_exception()));
  }
}

void StreamCall::OnDone() {
  {
    const std::lock_guard lock(shared_.mutex);
    shared_.streams.erase(this);
  }
  if (cancellation_.cancelled()) record_.set_status(499);
  delete this;
}

void StreamCall::read() {
  const std::lock_guard lock(shared_.mutex);
  reading_ = true;
  if (shared_.draining) return drain();
  StartRead(&request_);
}

void StreamCall::drain() {
  if (reading_) finish_locked({503, "the server is shutting down"});
}

void StreamCall::finish(const Failure& result) {
  const std::lock_guard lock(shared_.mutex);
  finish_locked(result);
}

void StreamCall::finish_locked(const Failure& result) {
  if (std::exchange(finished_, true)) return;
  record_.set_status(result.status);
  Finish(grpc_status(result));
}

void StreamCall::OnReadDone(bool ok) {
  {
    const std::lock_guard lock(shared_.mutex);
    reading_ = false;
    if (!ok) finish_locked({200, {}});  // the client sends no more
    if (finished_) return;
  }
  try {
    record_.take(request_.ByteSizeLong());
    start_infer(shared_.core, request_, *response_.mutable_infer_response(), cancellation_.watch(),
                [this](const std::exception_ptr& failure) { answer(failure); });
  } catch (...) {
    answer(std::current_exception());
  }
}

/// An error of one request leaves the stream open.
void StreamCall::answer(const std::exception_ptr& failure) {
  if (failure) {
    response_.Clear();
    response_.set_error_message(describe(failure).message);
  }
  shared_.answers.add([this] {
    record_.sent(response_.ByteSizeLong());
    StartWrite(&response_);
  });
}

void StreamCall::OnWriteDone(bool ok) {
  if (!ok) return finish({499, "cancelled"});
  record_.release();
  request_.Clear();
  response_.Clear();
  read();
}

// --- inference ---

void start_infer(ServiceCore& core, const inference::ModelInferRequest& request,
                 inference::ModelInferResponse& response, std::shared_ptr<SegmentWatch> watch, ServiceCore::Done done) {
  const OpenEntry entry = ServiceCore::open(core.find(request.model_name(), request.model_version()));
  InferRequest read = read_infer_request(request, *entry.spec());
  auto inputs = std::move(read.inputs);
  core.infer(entry, std::move(inputs), std::move(watch),
             [spec = entry.spec(), read = std::move(read), &response, done = std::move(done)](
                 std::vector<OutputTensor> outputs, const std::exception_ptr& failure) {
               if (!failure) write_infer_response(*spec, read, outputs, response);
               done(failure);
             });
}

}  // namespace nnunet::serve
