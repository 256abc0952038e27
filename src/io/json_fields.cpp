#include "nnunet/io/json_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "nnunet/core/error.h"
#include "nnunet/io/json_reading.h"

namespace nnunet {

using nlohmann::json;

JsonFields::JsonFields(const json& object, std::string name, std::string remedy, std::string prefix)
    : object_(&object), name_(std::move(name)), remedy_(std::move(remedy)), prefix_(std::move(prefix)) {
  if (object.is_object()) return;
  const std::string whole = prefix_.empty() ? "" : fmt::format("\"{}\" ", prefix_.substr(0, prefix_.size() - 1));
  throw Error(name_, whole + "is not a JSON object", remedy_);
}

void JsonFields::fail(std::string_view key, std::string_view problem) const {
  throw Error(name_, fmt::format("\"{}{}\" {}", prefix_, key, problem), remedy_);
}

bool JsonFields::has(const std::string& key) const {
  const auto found = object_->find(key);
  return found != object_->end() && !found->is_null();
}

const json& JsonFields::at(const std::string& key) const {
  if (!has(key)) fail(key, "is missing");
  return *object_->find(key);
}

void JsonFields::allow_only(const std::vector<std::string_view>& keys) const {
  for (const auto& [key, value] : object_->items())
    if (std::ranges::find(keys, std::string_view(key)) == keys.end()) fail(key, "is not known");
}

bool JsonFields::boolean(const std::string& key) const {
  if (!at(key).is_boolean()) fail(key, "is neither true nor false");
  return at(key).get<bool>();
}

std::string JsonFields::text(const std::string& key) const {
  if (!at(key).is_string()) fail(key, "is not text");
  return at(key).get<std::string>();
}

double JsonFields::real(const std::string& key) const {
  return real(at(key), key);
}

std::int64_t JsonFields::whole(const std::string& key, std::int64_t low, std::int64_t high) const {
  return whole(at(key), key, low, high);
}

const json& JsonFields::list(const std::string& key) const {
  if (!at(key).is_array()) fail(key, "is not a list");
  return at(key);
}

std::vector<std::string> JsonFields::texts(const std::string& key) const {
  std::vector<std::string> values;
  for (const json& item : list(key)) {
    if (!item.is_string()) fail(key, fmt::format("holds {}, not text", quoted(item)));
    values.push_back(item.get<std::string>());
  }
  return values;
}

std::vector<double> JsonFields::reals(const std::string& key) const {
  std::vector<double> values;
  for (const json& item : list(key)) values.push_back(real(item, key));
  return values;
}

std::vector<std::int64_t> JsonFields::wholes(const std::string& key, std::int64_t low, std::int64_t high) const {
  std::vector<std::int64_t> values;
  for (const json& item : list(key)) values.push_back(whole(item, key, low, high));
  return values;
}

JsonFields JsonFields::object(const std::string& key) const {
  return {at(key), name_, remedy_, prefix_ + key + "."};
}

std::vector<JsonFields> JsonFields::objects(const std::string& key) const {
  std::vector<JsonFields> found;
  for (const json& item : list(key))
    found.emplace_back(item, name_, remedy_, fmt::format("{}{}[{}].", prefix_, key, found.size()));
  return found;
}

double JsonFields::real(const json& item, const std::string& key) const {
  if (!item.is_number()) fail(key, fmt::format("holds {}, not a number", quoted(item)));
  const double value = item.get<double>();
  if (!std::isfinite(value)) fail(key, "holds a number that is not finite");
  return value;
}

std::int64_t JsonFields::whole(const json& item, const std::string& key, std::int64_t low, std::int64_t high) const {
  const double value = real(item, key);
  if (value != std::floor(value)) fail(key, fmt::format("holds {}, not a whole number", quoted(item)));
  if (value < static_cast<double>(low) || value > static_cast<double>(high))
    fail(key, fmt::format("holds {}, allowed are {} to {}", quoted(item), low, high));
  return static_cast<std::int64_t>(value);
}

}  // namespace nnunet
