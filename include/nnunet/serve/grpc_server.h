#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace nnunet::serve {

class Service;

struct GrpcOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8001;                               ///< 0: any that is free
  std::size_t max_request_bytes = std::size_t{512} << 20;  ///< of one message; at most 2 GiB
  std::size_t max_bytes = std::size_t{2} << 30;            ///< of all messages that are held
  std::filesystem::path certificate, key;                  ///< PEM files for TLS; empty: without
};

/// What a Service answers, over gRPC: the KServe v2 (Triton) calls, and gRPC's health check. A request that waits holds
/// no thread; one whose client has gone is cancelled. Listens from construction on; throws Error when the address
/// cannot be had or the certificate not be used. The service must outlive it.
class GrpcServer {
 public:
  GrpcServer(const GrpcOptions& options, Service& service);
  /// Cancels what is there and waits until it has ended.
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  std::uint16_t port() const;
  /// Takes nothing new and waits until all calls are answered; what takes longer than the limit is cancelled, and false
  /// returned. To be called once.
  bool drain(std::chrono::milliseconds limit);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nnunet::serve
