#pragma once
#include <nlohmann/json.hpp>
#include <utility>

#include "nnunet/serve/http.h"

namespace nnunet::serve {

/// A study holds several series, and none was chosen. The answer also lists them, for who lets a user choose:
/// {"error": message, "series": [{"uid", "modality", "shape": [z, y, x]}, ..]}
class SeveralSeries : public HttpError {
 public:
  SeveralSeries(const std::string& message, nlohmann::json list) : HttpError(400, message), list_(std::move(list)) {}
  const nlohmann::json& list() const { return list_; }

 private:
  nlohmann::json list_;
};

}  // namespace nnunet::serve
