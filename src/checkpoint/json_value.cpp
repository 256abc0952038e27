#include "nnunet/checkpoint/json_value.h"

#include <nlohmann/json.hpp>
#include <type_traits>
#include <variant>

#include "nnunet/core/error.h"

namespace nnunet {

Value value_from_json(const nlohmann::json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) {
    Value::List list;
    for (const auto& item : json) list.push_back(value_from_json(item));
    return list;
  }
  if (json.is_object()) {
    Value::Dict dict;
    for (const auto& [key, item] : json.items()) dict.emplace_back(key, value_from_json(item));
    return dict;
  }
  return {};
}

namespace {

template <class Json>
Json json_of(const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value.data)) return *flag;
  if (const auto* integer = std::get_if<std::int64_t>(&value.data)) return *integer;
  if (const auto* real = std::get_if<double>(&value.data)) return *real;
  if (const auto* text = std::get_if<std::string>(&value.data)) return *text;
  if (const auto* list = std::get_if<Value::List>(&value.data)) {
    auto json = Json::array();
    for (const Value& item : *list) json.push_back(json_of<Json>(item));
    return json;
  }
  if (const auto* dict = std::get_if<Value::Dict>(&value.data)) {
    auto json = Json::object();
    for (const auto& [key, item] : *dict) json[key] = json_of<Json>(item);
    return json;
  }
  if (std::holds_alternative<HostTensor>(value.data))
    throw Error("configuration", "a tensor where a plain value belongs", "use another checkpoint");
  return nullptr;
}

}  // namespace

nlohmann::json value_to_json(const Value& value) {
  return json_of<nlohmann::json>(value);
}

nlohmann::ordered_json value_to_ordered_json(const Value& value) {
  return json_of<nlohmann::ordered_json>(value);
}

PythonValue python_from_json(const nlohmann::ordered_json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) {
    PythonValue::List list;
    for (const auto& item : json) list.items.push_back(python_from_json(item));
    return list;
  }
  if (json.is_object()) {
    PythonValue::Dict dict;
    for (const auto& [key, item] : json.items()) dict.entries.emplace_back(key, python_from_json(item));
    return dict;
  }
  return {};
}

PythonValue python_from_value(const Value& value) {
  const auto plain = [](const auto& held) -> PythonValue {
    using T = std::decay_t<decltype(held)>;
    if constexpr (std::is_same_v<T, Value::List>) {
      PythonValue::List list;
      for (const Value& item : held) list.items.push_back(python_from_value(item));
      return list;
    } else if constexpr (std::is_same_v<T, Value::Dict>) {
      PythonValue::Dict dict;
      for (const auto& [key, item] : held) dict.entries.emplace_back(key, python_from_value(item));
      return dict;
    } else {
      return held;
    }
  };
  return std::visit(plain, value.data);
}

}  // namespace nnunet
