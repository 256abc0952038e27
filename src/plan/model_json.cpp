#include <fmt/format.h>

#include <array>
#include <limits>
#include <nlohmann/json.hpp>

#include "model_fields.h"
#include "nnunet/core/error.h"
#include "nnunet/io/json_fields.h"
#include "nnunet/io/json_reading.h"

namespace nnunet {

using nlohmann::json;

namespace {

constexpr int kVersion = 1;
constexpr const char* kRemedy = "correct it, or make the file again";

struct AnyVisit {
  template <class T>
  void operator()(const char* /*key*/, T& /*value*/) {}
};
template <class T>
concept HasFields = requires(T& value, AnyVisit& visit) {
  for_each_field(value, visit);
};

/// What an optional field leaves out of the file when it is empty.
template <class T>
struct Optional : std::false_type {};
template <class T>
struct Optional<std::optional<T>> : std::true_type {};

class Writer {
 public:
  template <class T>
  static json object(T value) {
    Writer writer;
    for_each_field(value, writer);
    return std::move(writer.object_);
  }

  template <class T>
  void operator()(const char* key, T& value) {
    if constexpr (!Optional<T>::value)
      object_[key] = json_of(value);
    else if (value)
      object_[key] = json_of(*value);
  }

 private:
  template <class T>
  static json json_of(const T& value) {
    if constexpr (HasFields<T>)
      return object(value);
    else if constexpr (std::is_enum_v<T>)
      return name_of(names_of(value), value);
    else
      return value;
  }
  static json json_of(const NetworkPlan& plan) { return plan_to_json(plan); }
  template <class T>
  requires HasFields<T>
  static json json_of(const std::vector<T>& values) {
    json list = json::array();
    for (const T& value : values) list.push_back(object(value));
    return list;
  }

  json object_ = json::object();
};

class Reader {
 public:
  /// also: a key that is not a field.
  template <class T>
  static T object(const JsonFields& fields, std::vector<std::string_view> also = {}) {
    Reader reader(fields, std::move(also));
    T value;
    for_each_field(value, reader);
    fields.allow_only(reader.known_);
    return value;
  }

  template <class T>
  void operator()(const char* key, T& value) {
    known_.emplace_back(key);
    if constexpr (!Optional<T>::value)
      read(key, value);
    else if (fields_.has(key))
      read(key, value.emplace());
  }

 private:
  Reader(const JsonFields& fields, std::vector<std::string_view> known) : fields_(fields), known_(std::move(known)) {}

  void read(const char* key, bool& value) const { value = fields_.boolean(key); }
  void read(const char* key, double& value) const { value = fields_.real(key); }
  void read(const char* key, std::string& value) const { value = fields_.text(key); }
  void read(const char* key, int& value) const { value = static_cast<int>(fields_.whole(key, kLeast, kMost)); }
  void read(const char* key, std::vector<double>& value) const { value = fields_.reals(key); }
  void read(const char* key, std::vector<std::int64_t>& value) const { value = fields_.wholes(key, kLeast, kMost); }
  void read(const char* key, std::vector<int>& value) const {
    const std::vector<std::int64_t> wholes = fields_.wholes(key, kLeast, kMost);
    value.clear();
    for (const std::int64_t whole : wholes) value.push_back(static_cast<int>(whole));
  }
  template <std::size_t kSize>
  void read(const char* key, std::array<int, kSize>& value) const {
    std::vector<int> values;
    read(key, values);
    if (values.size() != kSize) fields_.fail(key, fmt::format("has {} entries, not {}", values.size(), kSize));
    std::ranges::copy(values, value.begin());
  }
  void read(const char* key, NetworkPlan& value) const { value = plan_from_json(fields_.at(key), fields_.name()); }
  template <class T>
  requires HasFields<T>
  void read(const char* key, T& value) const { value = object<T>(fields_.object(key)); }
  template <class T>
  requires HasFields<T>
  void read(const char* key, std::vector<T>& value) const {
    value.clear();
    for (const JsonFields& item : fields_.objects(key)) value.push_back(object<T>(item));
  }
  template <class T>
  requires std::is_enum_v<T>
  void read(const char* key, T& value) const {
    const std::optional<T> known = value_of(names_of(T{}), fields_.text(key));
    if (!known) fields_.fail(key, fmt::format("is {}, which is not known", quoted(fields_.at(key))));
    value = *known;
  }

  static constexpr std::int64_t kLeast = std::numeric_limits<int>::min(), kMost = std::numeric_limits<int>::max();
  const JsonFields& fields_;
  std::vector<std::string_view> known_;
};

std::string difference(const json& one, const json& other, const std::string& where) {
  if (!one.is_object() || !other.is_object())
    return fmt::format("\"{}\" is {}, not {}", where, quoted(one), quoted(other));
  json keys = one;
  keys.update(other);
  for (const auto& [key, ignored] : keys.items()) {
    const json here = one.value(key, json()), there = other.value(key, json());
    if (here != there) return difference(here, there, where.empty() ? key : where + "." + key);
  }
  return {};
}

}  // namespace

json model_plan_to_json(const ModelPlan& plan) {
  json object = Writer::object(plan);
  object["version"] = kVersion;
  return object;
}

ModelPlan model_plan_from_json(const json& object, const std::string& name, const std::string& where) {
  const JsonFields fields(object, name, kRemedy, where.empty() ? where : where + ".");
  if (fields.whole("version", 1, std::numeric_limits<int>::max()) > kVersion)
    throw Error(name,
                fmt::format("its plan is of version {}, version {} is known", quoted(object["version"]), kVersion),
                "use a newer version of this program");
  ModelPlan plan = Reader::object<ModelPlan>(fields, {"version"});
  check_model_plan(plan, name);
  return plan;
}

std::string first_difference(const ModelPlan& plan, const ModelPlan& other) {
  return plan == other ? "" : difference(model_plan_to_json(plan), model_plan_to_json(other), "");
}

}  // namespace nnunet
