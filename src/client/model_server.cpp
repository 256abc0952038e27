#include "nnunet/client/model_server.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"

namespace nnunet {

using Json = nlohmann::json;

std::string read_api_key(const std::filesystem::path& file) {
  std::istringstream text(read_text(file, std::size_t{1} << 20));
  for (std::string line; std::getline(text, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (!line.empty() && line.front() != '#') return line;
  }
  throw Error(file.string(), "holds no key", "write the key into its first line");
}

ModelServer::ModelServer(const ServerAddress& address) : address_(address) {
  while (address_.url.ends_with('/')) address_.url.pop_back();
  if (!address_.url.starts_with("http://") && !address_.url.starts_with("https://"))
    throw Error("--url", fmt::format("'{}' is no http or https address", address.url),
                "give, say, http://127.0.0.1:8000");
  if (!address_.trust.empty()) client_.trust(address_.trust.string());
}

HttpReply ModelServer::send(const std::string& method, const std::string& path, std::string_view body,
                            const std::vector<std::string>& headers, std::chrono::milliseconds timeout) {
  HttpCall call{.method = method, .url = address_.url + path, .headers = headers, .body = body, .timeout = timeout};
  if (!address_.api_key.empty()) call.headers.push_back("Authorization: Bearer " + address_.api_key);
  HttpReply reply = client_.send(call);
  via_proxy_ = reply.via_proxy;
  // A server that refuses a large body may answer and close before it has read all of it.
  if (!reply.broken.empty() && reply.status < 400)
    throw Error(address_.url, reply.broken, "check --url, and that the server runs");
  return reply;
}

Json ModelServer::json(const HttpReply& reply) const {
  if (reply.status < 200 || reply.status > 299) throw Error(address_.url, message(reply));
  Json json = Json::parse(reply.body, nullptr, false);
  if (json.is_discarded()) throw foreign_answer();
  return json;
}

Error ModelServer::foreign_answer(const std::string& expected) const {
  return {address_.url, fmt::format("does not answer as {} does", expected),
          via_proxy_.empty() ? "check --url" : fmt::format("check --url; it was asked {}", via_proxy_)};
}

Json ModelServer::get(const std::string& path) {
  return json(send("GET", path));
}

ServedModelInfo ModelServer::find_model(const std::string& name) {
  const Json models = get("/v1/models");
  std::vector<std::string> names;
  try {
    for (const Json& model : models) {
      names.push_back(model.at("name"));
      if (names.back() != name) continue;
      if (!model.contains("channels"))
        throw Error(name, fmt::format("is not ready: {}", model.at("state").get<std::string>()),
                    "wait until the server has loaded it");
      return {model.at("channels"), model.at("classes"), model.value("made_with", Json::object()).dump(),
              model.value("file_ending", std::string())};
    }
  } catch (const Json::exception&) {
    throw foreign_answer();
  }
  throw Error("--model", fmt::format("the server has no model '{}'", name),
              fmt::format("it has: {}", fmt::join(names, ", ")));
}

std::string ModelServer::message(const HttpReply& reply) {
  const Json json = Json::parse(reply.body, nullptr, false);
  if (json.is_object() && json.contains("error") && json["error"].is_string()) {
    std::string text = json["error"];
    while (text.ends_with('.')) text.pop_back();  // Error adds its own
    return text;
  }
  const std::string text = fmt::format("the server answered with HTTP status {}", reply.status);
  return reply.via_proxy.empty() ? text : fmt::format("{} ({})", text, reply.via_proxy);
}

}  // namespace nnunet
