#pragma once
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <unordered_set>

#include "kserve.grpc.pb.h"
#include "service_core.h"

/// Calls over gRPC from their arrival to their end. The library calls from threads of its own, which must not block.
namespace nnunet::serve {

class StreamCall;

/// What all calls share; outlives them.
struct GrpcShared {
  GrpcShared(ServiceCore& c, std::size_t most) : core(c), max_bytes(most) {}

  ServiceCore& core;
  const std::size_t max_bytes;        ///< of all messages that are held
  std::atomic<std::size_t> bytes{0};  ///< that are
  std::mutex mutex;                   ///< of what follows
  bool draining = false;              ///< streams are to end
  std::unordered_set<StreamCall*> streams{};
  TaskThread answers;  ///< makes bytes of answers, so that the network's threads go on
};

/// 400 INVALID_ARGUMENT, 404 NOT_FOUND, 429 RESOURCE_EXHAUSTED, ...
grpc::Status grpc_status(const Failure& failure);

/// Who calls and what became of it: key, share of the memory, a line of the access log.
class CallRecord {
 public:
  CallRecord(GrpcShared& shared, const grpc::CallbackServerContext& context, const char* method);
  /// Writes the line.
  ~CallRecord();
  CallRecord(const CallRecord&) = delete;
  CallRecord& operator=(const CallRecord&) = delete;

  /// Throws HttpError(401).
  void require_key() const;
  /// Counts a message that came; throws HttpError(429) when too much is held.
  void take(std::size_t bytes);
  /// The message was freed.
  void release();
  void sent(std::size_t bytes) { access_.bytes_out += bytes; }
  void set_status(int status) { access_.status = status; }

 private:
  std::string metadata(const char* name) const;

  GrpcShared& shared_;
  const grpc::CallbackServerContext& context_;
  const Clock::time_point begun_ = Clock::now();
  Access access_;
  std::size_t held_ = 0;
};

/// A call with one answer; deletes itself after it.
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  UnaryCall(GrpcShared& shared, grpc::CallbackServerContext& context, const char* method,
            const google::protobuf::MessageLite& response)
      : shared_(shared), context_(context), response_(response), record_(shared, context, method) {}

  CallRecord& record() { return record_; }
  Cancellation& cancellation() { return cancellation_; }
  /// Once one of them, from any thread; the response must be complete. What is null has succeeded.
  void answer(const std::exception_ptr& failure);
  /// Frees the request's message if its allocator can.
  void free_request();

 private:
  void OnCancel() override { cancellation_.cancel(); }
  void OnDone() override;

  GrpcShared& shared_;
  grpc::CallbackServerContext& context_;
  const google::protobuf::MessageLite& response_;
  CallRecord record_;
  Cancellation cancellation_;
};

/// Requests one after the other, each answered before the next is read.
class StreamCall final
    : public grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse> {
 public:
  StreamCall(GrpcShared& shared, grpc::CallbackServerContext& context);

  /// Ends it unless it is at work; to be called with the lock of GrpcShared.
  void drain();

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override { cancellation_.cancel(); }
  void OnDone() override;
  void read();
  void answer(const std::exception_ptr& failure);
  void finish(const Failure& result);
  void finish_locked(const Failure& result);

  GrpcShared& shared_;
  CallRecord record_;
  Cancellation cancellation_;
  inference::ModelInferRequest request_;
  inference::ModelStreamInferResponse response_;
  bool reading_ = false, finished_ = false;  ///< with the lock of GrpcShared
};

/// Starts an inference; the request is read before it returns, response must live until done is called.
void start_infer(ServiceCore& core, const inference::ModelInferRequest& request,
                 inference::ModelInferResponse& response, std::shared_ptr<SegmentWatch> watch, ServiceCore::Done done);

}  // namespace nnunet::serve
