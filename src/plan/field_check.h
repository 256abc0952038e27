#pragma once
#include <fmt/format.h>

#include <cmath>
#include <string>
#include <string_view>

#include "nnunet/core/error.h"

namespace nnunet {

/// Refuses what cannot be with a message that names the field.
class FieldCheck {
 public:
  /// part: where the fields lie ("window."); may be empty.
  FieldCheck(std::string name, std::string part) : name_(std::move(name)), part_(std::move(part)) {}

  void require(bool fine, std::string_view field, std::string_view problem) const {
    if (!fine)
      throw Error(name_, fmt::format("\"{}{}\" {}", part_, field, problem),
                  "correct the file or the options that the model is described by");
  }
  void within(double value, double low, double high, std::string_view field) const {
    require(std::isfinite(value) && value >= low && value <= high, field,
            fmt::format("holds {}, allowed are {} to {}", value, low, high));
  }

 private:
  std::string name_, part_;
};

}  // namespace nnunet
