#include "nnunet/data/bad_cases.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "nnunet/core/log.h"

namespace nnunet {

bool BadCases::insert(const std::string& name, const std::string& message) {
  const std::lock_guard lock(mutex_);
  if (!names_.insert(name).second) return false;
  if (static_cast<std::int64_t>(names_.size()) > limit_)
    throw Error("training data",
                fmt::format("cases that cannot be read: {} ({}), --max_bad_cases is {}. {}", names_.size(),
                            fmt::join(names_, ", "), limit_, message),
                "preprocess them again, or raise --max_bad_cases");
  return true;
}

void BadCases::add(const std::string& name, const Error& error) {
  if (insert(name, error.what())) log::warn(fmt::format("{} Training goes on without this case", error.what()));
}

void BadCases::add_elsewhere(const std::string& name) {
  insert(name, "");
}

std::vector<std::string> BadCases::names() const {
  const std::lock_guard lock(mutex_);
  return {names_.begin(), names_.end()};
}

}  // namespace nnunet
