#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "nnunet/checkpoint/torch_file.h"
#include "nnunet/core/error.h"

namespace nnunet {

namespace {

const char* type_name(const Value& value) {
  constexpr std::array names{"None", "bool", "int", "float", "str", "list", "dict", "tensor"};
  return value.data.valueless_by_exception() ? "nothing" : names.at(value.data.index());
}

[[noreturn]] void wrong_type(const Value& value, std::string_view what, std::string_view wanted) {
  throw Error(what, fmt::format("expected {}, found {}", wanted, type_name(value)),
              "use a checkpoint of this program or of the reference system");
}

template <class T>
const T& get(const Value& value, std::string_view what, std::string_view wanted) {
  if (const T* found = std::get_if<T>(&value.data)) return *found;
  wrong_type(value, what, wanted);
}

}  // namespace

const Value* Value::find(std::string_view key) const {
  const auto* dict = std::get_if<Dict>(&data);
  if (dict == nullptr) return nullptr;
  const auto found = std::ranges::find_if(*dict, [&](const auto& entry) { return entry.first == key; });
  return found == dict->end() ? nullptr : &found->second;
}

std::int64_t Value::as_int(std::string_view what) const {
  if (const bool* flag = std::get_if<bool>(&data)) return *flag ? 1 : 0;
  return get<std::int64_t>(*this, what, "an integer");
}

double Value::as_double(std::string_view what) const {
  if (const auto* integer = std::get_if<std::int64_t>(&data)) return static_cast<double>(*integer);
  return get<double>(*this, what, "a number");
}

bool Value::as_bool(std::string_view what) const {
  return get<bool>(*this, what, "a bool");
}
const std::string& Value::as_string(std::string_view what) const {
  return get<std::string>(*this, what, "a string");
}
const Value::List& Value::as_list(std::string_view what) const {
  return get<List>(*this, what, "a list");
}
const Value::Dict& Value::as_dict(std::string_view what) const {
  return get<Dict>(*this, what, "a dict");
}
const HostTensor& Value::as_tensor(std::string_view what) const {
  return get<HostTensor>(*this, what, "a tensor");
}

}  // namespace nnunet
