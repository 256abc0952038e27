#pragma once
#include <chrono>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "nnunet/serve/cancellation.h"

/// HTTP/1.1 over TCP or TLS: connections, limits and time-outs. What is answered is up to an HttpHandler.
namespace nnunet::serve {

struct HttpRequest {
  std::string method;                          ///< "GET"
  std::string path;                            ///< percent-decoded, without the query
  std::string target;                          ///< as it came
  std::map<std::string, std::string> query;    ///< decoded
  std::map<std::string, std::string> headers;  ///< names in lower case; values of several lines joined by commas
  std::string remote;                          ///< the client's address
  std::string body;
  std::shared_ptr<Cancellation> cancellation = {};  ///< of handle()'s requests: the client closed the connection

  /// Empty where it is absent.
  const std::string& header(const std::string& lower_case_name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// What handlers throw for a request that cannot be answered; becomes {"error": what()}.
class HttpError : public std::runtime_error {
 public:
  HttpError(int status, const std::string& message) : std::runtime_error(message), status_(status) {}
  int status() const { return status_; }

 private:
  int status_;
};

/// What went wrong with a request, in HTTP's numbers whatever the protocol: HttpError by its status, Error 400,
/// Cancelled 499, out of memory 503, others 500.
struct Failure {
  int status = 500;
  std::string message;
};
Failure describe(const std::exception_ptr& failure);

/// {"error": message}; 429 and 503 get a Retry-After.
HttpResponse error_response(int status, const std::string& message);
/// The same for what a handler has thrown.
HttpResponse error_response(const std::exception_ptr& failure);

/// Takes the answer to one request, once, from any thread; an answer that nobody gives becomes a 500. The function that
/// makes it runs on a thread of the server and may throw as handlers do.
using Respond = std::function<void(std::function<HttpResponse()>)>;

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  /// Before the body is read: an answer for a request that needs none of it (unknown path, no key).
  virtual std::optional<HttpResponse> refuse(const HttpRequest& head) = 0;
  /// Must not block for long. What it throws is answered as error_response says.
  virtual void handle(HttpRequest request, Respond respond) = 0;
  /// After an answer was sent, or the connection broke (status as it was to be).
  virtual void finished(const HttpRequest& head, int status, std::size_t bytes_in, std::size_t bytes_out,
                        double seconds) = 0;
};

struct HttpOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8000;  ///< 0: any that is free
  int threads = 4;
  std::size_t max_connections = 512;                       ///< further ones are closed at once
  std::size_t max_request_bytes = std::size_t{512} << 20;  ///< of one body
  std::size_t max_bytes = std::size_t{2} << 30;            ///< of all bodies that are held
  std::chrono::milliseconds idle{30000};                   ///< without a byte of a request, or between two
  std::chrono::milliseconds receive{300000};               ///< for a whole body
  std::chrono::milliseconds send{300000};                  ///< for a whole answer
  std::filesystem::path certificate, key;                  ///< PEM files for TLS; empty: plain HTTP
};

/// Listens from construction on. Throws Error when the address cannot be had or the certificate not be read.
class HttpServer {
 public:
  HttpServer(const HttpOptions& options, HttpHandler& handler);
  /// Ends everything at once.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;
  /// Takes no new connection, closes those without a request, and waits until all requests are answered; false when
  /// that takes longer than the limit.
  bool drain(std::chrono::milliseconds limit);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nnunet::serve
