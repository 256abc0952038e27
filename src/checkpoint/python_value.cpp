#include "nnunet/checkpoint/python_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "nnunet/io/atomic_file.h"
#include "pickle_objects.h"
#include "pickle_reader.h"

namespace nnunet {
namespace {

using pickle::Kind;
using pickle::Node;

constexpr const char* kRemedy = "write the file again";

bool is_any(const std::string& text, std::initializer_list<const char*> names) {
  return std::ranges::any_of(names, [&](const char* name) { return text == name; });
}

/// numpy.dtype(name, ...) with the state (version, byte order, ...).
std::optional<std::string> little_endian_type(const Node* node) {
  if (node == nullptr || node->kind != Kind::object || node->type->text != "numpy.dtype" || node->arguments.empty() ||
      node->arguments[0]->kind != Kind::text || node->arguments[0]->text.size() < 2)
    return std::nullopt;
  if (node->state != nullptr && node->state->items.size() > 1 && node->state->items[1]->text == ">")
    return std::nullopt;
  return node->arguments[0]->text;
}

std::optional<std::vector<std::int64_t>> shape_of(const Node* node) {
  if (node->kind != Kind::tuple || node->items.size() > limits::npy_axes) return std::nullopt;
  std::vector<std::int64_t> shape;
  for (const Node* item : node->items) {
    if (item->kind != Kind::integer || item->integer < 0) return std::nullopt;
    shape.push_back(item->integer);
  }
  return shape;
}

/// Bytes of a Fortran-ordered array in C order.
std::string in_c_order(const std::string& bytes, const std::vector<std::int64_t>& shape, std::size_t width) {
  std::string result(bytes.size(), '\0');
  std::vector<std::int64_t> at(shape.size(), 0);
  for (std::size_t to = 0; to < bytes.size(); to += width) {
    std::size_t from = 0;
    for (std::size_t axis = shape.size(); axis-- > 0;)
      from = from * static_cast<std::size_t>(shape[axis]) + static_cast<std::size_t>(at[axis]);
    std::memcpy(result.data() + to, bytes.data() + from * width, width);
    for (std::size_t axis = shape.size(); axis-- > 0 && ++at[axis] == shape[axis];) at[axis] = 0;
  }
  return result;
}

PythonValue array_of(const Node* type, const Node* shape_node, bool fortran, const std::string& bytes) {
  const auto name = little_endian_type(type);
  const auto shape = shape_of(shape_node);
  if (!name || !shape || (*name)[1] < '1' || (*name)[1] > '9' || name->size() != 2) return {};
  const auto width = static_cast<std::size_t>((*name)[1] - '0');
  std::size_t size = width;
  for (const std::int64_t n : *shape)
    if (__builtin_mul_overflow(size, static_cast<std::size_t>(n), &size)) return {};
  if (size != bytes.size()) return {};
  return PythonValue::Array{*name, *shape, fortran ? in_c_order(bytes, *shape, width) : bytes};
}

/// A numpy array: _reconstruct with the state (version, shape, type, Fortran order, bytes), or _frombuffer(bytes, type,
/// shape, order).
PythonValue numpy_array(const Node& node) {
  const std::string& name = node.type->text;
  if (is_any(name, {"numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"})) {
    if (node.state == nullptr || node.state->kind != Kind::tuple || node.state->items.size() != 5) return {};
    const auto& state = node.state->items;
    if (state[4]->kind != Kind::bytes) return {};
    return array_of(state[2], state[1], state[3]->integer != 0, state[4]->text);
  }
  if (is_any(name, {"numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer"})) {
    const auto& arguments = node.arguments;
    if (arguments.size() != 4 || arguments[0]->kind != Kind::bytes) return {};
    return array_of(arguments[1], arguments[2], arguments[3]->text == "F", arguments[0]->text);
  }
  return {};
}

class Converter {
 public:
  Converter(const std::string& name, std::size_t bytes)
      : name_(name), left_(limits::pickle_growth_bytes + 64 * bytes) {}

  PythonValue convert(Node* node, int depth = 0) {
    if (depth > limits::pickle_depth) throw Error(name_, "its values are nested too deeply", kRemedy);
    spend(sizeof(PythonValue) + node->text.size());
    switch (node->kind) {
      case Kind::boolean:
        return node->integer != 0;
      case Kind::integer:
        return node->integer;
      case Kind::real:
        return node->real;
      case Kind::text:
      case Kind::bytes:
        return node->text;
      case Kind::global:
        return PythonValue::Global{node->text};
      default:
        return container(node, depth);
    }
  }

 private:
  /// A few bytes of pickle can share one object often enough to describe gigabytes.
  void spend(std::size_t bytes) {
    if (bytes > left_) throw Error(name_, "the file describes far more data than it holds", kRemedy);
    left_ -= bytes;
  }

  PythonValue container(Node* node, int depth) {
    if (node->visiting) return {};
    node->visiting = true;
    PythonValue value;
    if (node->kind == Kind::list) value = PythonValue::List{items(node->items, depth)};
    if (node->kind == Kind::tuple) value = PythonValue::Tuple{items(node->items, depth)};
    if (node->kind == Kind::dict) value = dict(node->items, depth);
    if (node->kind == Kind::object) {
      if (node->state != nullptr && node->state->items.size() == 5) spend(node->state->items[4]->text.size());
      if (!node->arguments.empty()) spend(node->arguments[0]->text.size());
      value = numpy_array(*node);
    }
    node->visiting = false;
    return value;
  }

  std::vector<PythonValue> items(const std::vector<Node*>& nodes, int depth) {
    std::vector<PythonValue> values;
    for (Node* const node : nodes) values.push_back(convert(node, depth + 1));
    return values;
  }

  PythonValue dict(const std::vector<Node*>& nodes, int depth) {
    PythonValue::Dict values;
    for (std::size_t i = 0; i + 1 < nodes.size(); i += 2)
      values.entries.emplace_back(convert(nodes[i], depth + 1), convert(nodes[i + 1], depth + 1));
    return values;
  }

  const std::string& name_;
  std::size_t left_;
};

template <class T>
void add_numbers(const std::string& bytes, std::vector<double>& numbers) {
  for (std::size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof(T));
    numbers.push_back(static_cast<double>(value));
  }
}

}  // namespace

const PythonValue* PythonValue::find(std::string_view key) const {
  const auto* const dict = std::get_if<Dict>(&data);
  if (dict == nullptr) return nullptr;
  for (const auto& [name, value] : dict->entries)
    if (const auto* const text = std::get_if<std::string>(&name.data); text != nullptr && *text == key) return &value;
  return nullptr;
}

const std::vector<PythonValue>* PythonValue::items() const {
  if (const auto* const list = std::get_if<List>(&data)) return &list->items;
  if (const auto* const tuple = std::get_if<Tuple>(&data)) return &tuple->items;
  return nullptr;
}

std::int64_t PythonValue::as_int(std::string_view what) const {
  if (const auto* const number = std::get_if<std::int64_t>(&data)) return *number;
  if (const auto* const flag = std::get_if<bool>(&data)) return *flag ? 1 : 0;
  throw Error(what, "is no whole number", kRemedy);
}

double PythonValue::as_double(std::string_view what) const {
  if (const auto* const number = std::get_if<double>(&data)) return *number;
  if (const auto* const number = std::get_if<std::int64_t>(&data)) return static_cast<double>(*number);
  throw Error(what, "is no number", kRemedy);
}

std::vector<double> PythonValue::as_doubles(std::string_view what) const {
  std::vector<double> numbers;
  if (const auto* const array = std::get_if<Array>(&data)) {
    if (array->type == "f8") add_numbers<double>(array->bytes, numbers);
    if (array->type == "f4") add_numbers<float>(array->bytes, numbers);
    if (array->type == "i8") add_numbers<std::int64_t>(array->bytes, numbers);
    if (numbers.empty()) throw Error(what, "is no array of real numbers", kRemedy);
    return numbers;
  }
  if (items() == nullptr) throw Error(what, "is no list of numbers", kRemedy);
  for (const PythonValue& item : *items()) {
    if (item.items() == nullptr) {
      numbers.push_back(item.as_double(what));
      continue;
    }
    for (const PythonValue& inner : *item.items()) numbers.push_back(inner.as_double(what));
  }
  return numbers;
}

PythonValue read_python_pickle(std::string_view bytes, const std::string& name) {
  pickle::Arena arena;
  return Converter(name, bytes.size()).convert(pickle::read_objects(bytes, name, arena));
}

PythonValue read_python_pickle(const std::filesystem::path& path) {
  return read_python_pickle(read_text(path, limits::pickle_bytes), path.string());
}

}  // namespace nnunet
