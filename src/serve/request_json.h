#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace nnunet::serve {

/// A request's JSON object. Throws HttpError(400), which says where it is wrong, or 413 for one that is too large.
nlohmann::json parse_request_json(std::string_view text);

}  // namespace nnunet::serve
