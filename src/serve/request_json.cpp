#include "request_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "nnunet/io/json_reading.h"
#include "nnunet/serve/http.h"

namespace nnunet::serve {
namespace {

using Json = nlohmann::json;

constexpr std::size_t max_depth = 16;                          ///< nested lists: one for each axis of a tensor
constexpr std::size_t max_json_bytes = std::size_t{64} << 20;  ///< parsed it takes many times as much

[[noreturn]] void fail(const std::string& problem) {
  throw HttpError(400, "failed to parse the request JSON buffer: " + problem);
}

}  // namespace

Json parse_request_json(std::string_view text) {
  if (text.size() > max_json_bytes)
    throw HttpError(
        413, fmt::format("the request's JSON is larger than {} bytes; send tensors as binary data", max_json_bytes));
  if (text.empty()) fail("invalid JSON: the body is empty; with curl: --data-binary @request.json URL");
  // Deep nesting would exhaust the stack of the parser's users.
  if (json_nesting(text) > max_depth) fail("nested too deeply");
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) fail("invalid JSON: " + json_problem(text));
  if (!json.is_object()) fail("not an object");
  return json;
}

}  // namespace nnunet::serve
