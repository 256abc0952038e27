#pragma once
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Requests over http and https (libcurl), through the proxy that the environment names (http_proxy, https_proxy,
/// all_proxy), except to hosts that no_proxy lists and to this machine.
namespace nnunet {

struct HttpCall {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers = {};  ///< "Name: value"
  std::string_view body = {};             ///< of POST and PUT
  std::chrono::milliseconds timeout{0};   ///< for all of it; 0: none, but a connection without a byte for 60 s is dead
  std::chrono::milliseconds connect{30000};  ///< to reach the server
};

struct HttpReply {
  int status = 0;  ///< of the last answer, after redirections; 0: there was none
  std::string body;
  std::map<std::string, std::string> headers;  ///< names in lower case

  std::string broken;     ///< why there is no whole answer (with via_proxy); empty: there is one
  std::string via_proxy;  ///< names the proxy it went through and how to leave it out; empty: there is none
  bool hopeless = false;  ///< broken, and would be again: no such protocol, an invalid address or certificate

  double sent = 0;   ///< seconds from the start until the request was handed to the system
  double began = 0;  ///< until the answer's first byte
  double ended = 0;  ///< until its last

  /// Empty where it is absent.
  const std::string& header(const std::string& lower_case_name) const;
};

/// Keeps its connection between calls. For one thread at a time.
class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Certificates (PEM) to trust instead of the system's.
  void trust(const std::string& file);

  /// Takes a part of the answer's body (HttpReply knows status and headers by then); false ends the transfer.
  using Receive = std::function<bool(const HttpReply& reply, std::string_view part)>;

  /// Never throws for what the network or the server does: see HttpReply. receive: gets the body instead of
  /// HttpReply::body.
  HttpReply send(const HttpCall& call, const Receive& receive = {});

 private:
  struct Close {
    void operator()(void* handle) const;
  };
  std::unique_ptr<void, Close> handle_;
  std::string trusted_;
};

}  // namespace nnunet
