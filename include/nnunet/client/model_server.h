#pragma once
#include <chrono>
#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "nnunet/core/error.h"
#include "nnunet/http/http_client.h"

namespace nnunet {

/// Where an `nnunet serve` answers, and what it asks for.
struct ServerAddress {
  std::string url = "http://127.0.0.1:8000";
  std::string api_key;          ///< empty: none
  std::filesystem::path trust;  ///< certificates (PEM) to trust instead of the system's; empty: the system's
};

/// The first line of a file that is neither empty nor begins with '#'. Throws Error when there is none.
std::string read_api_key(const std::filesystem::path& file);

/// A model as the server describes it.
struct ServedModelInfo {
  int channels = 0, classes = 0;
  /// JSON: what its label maps depend on (Predictor::made_with); "{}": the server does not say.
  std::string made_with{};
  /// Of a model of nnU-Net v2: the ending of its images, whose names end in _0000, _0001, ... for each channel; empty:
  /// none such.
  std::string file_ending{};
};

/// One connection to a server. For one thread at a time.
class ModelServer {
 public:
  explicit ModelServer(const ServerAddress& address);

  const std::string& url() const { return address_.url; }

  /// Throws Error when there is no answer; a status that is no success is for the caller.
  HttpReply send(const std::string& method, const std::string& path, std::string_view body = {},
                 const std::vector<std::string>& headers = {}, std::chrono::milliseconds timeout = {});
  /// The same for answers in JSON that must come. Throws Error with the server's own message otherwise.
  nlohmann::json get(const std::string& path);
  nlohmann::json json(const HttpReply& reply) const;

  /// For an answer that is none of such a server's: a proxy it came through is named.
  Error foreign_answer(const std::string& expected = "nnunet serve") const;

  /// Throws Error naming the models that there are.
  ServedModelInfo find_model(const std::string& name);

  /// What the server says is wrong: {"error": ...} of a reply, else its status and the proxy.
  static std::string message(const HttpReply& reply);

 private:
  ServerAddress address_;
  HttpClient client_;
  std::string via_proxy_;  ///< of the last reply
};

}  // namespace nnunet
