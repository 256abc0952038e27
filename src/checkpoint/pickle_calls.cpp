#include "pickle_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "torch_types.h"

namespace nnunet::pickle {

namespace {

bool is_sequence(const Node* node) {
  return node->kind == Kind::list || node->kind == Kind::tuple;
}

bool is_any(const std::string& text, std::initializer_list<const char*> names) {
  return std::ranges::any_of(names, [&](const char* name) { return text == name; });
}

/// latin-1 text, which is how protocol 2 spells bytes, back into bytes.
std::optional<std::string> latin1(const std::string& utf8) {
  std::string bytes;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto first = static_cast<unsigned char>(utf8[i]);
    if (first < 0x80) {
      bytes.push_back(utf8[i]);
    } else if ((first == 0xc2 || first == 0xc3) && i + 1 < utf8.size()) {
      const auto second = static_cast<unsigned char>(utf8[++i]);
      bytes.push_back(static_cast<char>(((first & 3U) << 6U) | (second & 0x3fU)));
    } else {
      return std::nullopt;
    }
  }
  return bytes;
}

template <class T>
std::optional<T> from_bytes(const std::string& bytes) {
  if (bytes.size() != sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

/// Whole number of a numpy type such as "i4" or "u1".
std::optional<std::int64_t> whole_number(const std::string& type, const std::string& bytes) {
  if (bytes.empty() || bytes.size() > 8) return std::nullopt;
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) bits |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  const unsigned spare = static_cast<unsigned>(64 - 8 * bytes.size());
  if (type[0] == 'i') return std::bit_cast<std::int64_t>(bits << spare) >> spare;
  return std::bit_cast<std::int64_t>(bits);
}

}  // namespace

void Calls::damaged(const std::string& problem) const {
  throw Error(name_, "the file is damaged: " + problem, "copy or download the file again, or use another checkpoint");
}

Node* Calls::storage(const Node* id) const {
  if (id->kind != Kind::tuple || id->items.size() < 5 || id->items[0]->kind != Kind::text ||
      id->items[0]->text != "storage" || id->items[1]->kind != Kind::global || id->items[2]->kind != Kind::text ||
      id->items[4]->kind != Kind::integer)
    damaged("a tensor's storage is not described as torch does");
  if (id->items[4]->integer < 0) damaged("a tensor's storage has a negative size");
  Node* node = make_(Kind::storage);
  node->type = id->items[1];
  node->text = id->items[2]->text;
  node->integer = id->items[4]->integer;
  return node;
}

// (storage, offset, sizes, strides, ...), all in elements.
Node* Calls::tensor(const std::vector<Node*>& arguments, Dtype dtype) const {
  if (arguments.size() < 4 || arguments[0]->kind != Kind::storage || arguments[1]->kind != Kind::integer ||
      !is_sequence(arguments[2]) || !is_sequence(arguments[3]))
    damaged("a tensor is not described as torch does");
  const auto integers = [&](const Node* sequence) {
    std::vector<std::int64_t> values;
    for (const Node* item : sequence->items) {
      if (item->kind != Kind::integer || item->integer < 0)
        damaged("a tensor has a negative or missing size or stride");
      values.push_back(item->integer);
    }
    return values;
  };
  const auto sizes = integers(arguments[2]), strides = integers(arguments[3]);
  const std::int64_t offset = arguments[1]->integer;
  if (sizes.size() != strides.size() || sizes.size() > limits::tensor_dimensions)
    damaged("a tensor's sizes and strides do not fit together");
  if (offset < 0) damaged("a tensor starts before its storage");

  Node* node = make_(Kind::tensor);
  if (std::ranges::any_of(sizes, [](std::int64_t n) { return n == 0; })) {
    node->tensor = HostTensor(dtype, sizes);
    return node;
  }
  const auto width = dtype_size(dtype);
  const Node* storage = arguments[0];
  const bool untyped = !storage_dtype(storage->type->text);
  const std::int64_t stored_width = untyped ? 1 : dtype_size(*storage_dtype(storage->type->text));
  std::int64_t bytes = 0, last = offset, count = 1;
  bool overflow = __builtin_mul_overflow(storage->integer, stored_width, &bytes);
  for (std::size_t i = 0; i < sizes.size() && !overflow; ++i) {
    std::int64_t reach = 0;
    overflow = __builtin_mul_overflow(sizes[i] - 1, strides[i], &reach) || __builtin_add_overflow(last, reach, &last) ||
               __builtin_mul_overflow(count, sizes[i], &count);
  }
  if (overflow || last >= bytes / width) damaged("a tensor reaches beyond its storage");
  // Expanded tensors (stride 0) may have more elements than their storage.
  if (count > std::max(bytes / width, limits::expanded_elements)) damaged("a tensor has an absurd number of elements");
  node->tensor.dtype = dtype;
  node->tensor.sizes = sizes;
  node->tensor.strides = strides;
  node->tensor.offset = offset;
  node->text = storage->text;  // loaded when the tensor becomes a value
  node->integer = bytes;
  return node;
}

Node* Calls::typed_tensor(const std::vector<Node*>& arguments) const {
  if (arguments.empty() || arguments[0]->kind != Kind::storage) damaged("a tensor has no storage");
  const auto dtype = storage_dtype(arguments[0]->type->text);
  return dtype ? tensor(arguments, *dtype) : make_(Kind::none);
}

// numpy.dtype(name, align, copy) with state (version, byte order, ...), and the value's bytes.
Node* Calls::numpy_scalar(const std::vector<Node*>& arguments) const {
  Node* none = make_(Kind::none);
  if (arguments.size() != 2 || arguments[0]->kind != Kind::object || arguments[1]->kind != Kind::bytes) return none;
  const Node* dtype = arguments[0];
  if (dtype->arguments.empty() || dtype->arguments[0]->kind != Kind::text || dtype->arguments[0]->text.empty())
    return none;
  if (dtype->state != nullptr && dtype->state->items.size() > 1 && dtype->state->items[1]->text == ">") return none;
  const std::string &type = dtype->arguments[0]->text, &bytes = arguments[1]->text;
  if (type == "f8" || type == "f4") {
    const auto wide = from_bytes<double>(bytes);
    const auto narrow = from_bytes<float>(bytes);
    if (!wide && !narrow) return none;
    Node* node = make_(Kind::real);
    node->real = wide ? *wide : static_cast<double>(*narrow);
    return node;
  }
  const auto whole = type[0] == 'i' || type[0] == 'u' || type[0] == 'b' ? whole_number(type, bytes) : std::nullopt;
  if (!whole) return none;
  Node* node = make_(type[0] == 'b' ? Kind::boolean : Kind::integer);
  node->integer = type[0] == 'b' ? *whole != 0 : *whole;
  return node;
}

Node* Calls::call(Node* callable, const std::vector<Node*>& arguments, int depth) const {
  const std::string& name = callable->kind == Kind::global ? callable->text : std::string();
  const std::size_t count = arguments.size();
  const bool one_sequence = count == 1 && is_sequence(arguments[0]);

  if (name == "torch._utils._rebuild_tensor_v2" || name == "torch._utils._rebuild_tensor")
    return typed_tensor(arguments);
  if (name == "torch._utils._rebuild_tensor_v3") {
    // ..., requires_grad, hooks, dtype
    if (count < 7 || arguments[6]->kind != Kind::global) damaged("a tensor has no type");
    const auto dtype = named_dtype(arguments[6]->text);
    return dtype ? tensor(arguments, *dtype) : make_(Kind::none);
  }
  if (is_any(name, {"torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"}) && count > 0)
    return arguments[0];
  if (name == "torch._tensor._rebuild_from_type_v2" && count > 2 && is_sequence(arguments[2]) && depth == 0)
    return call(arguments[0], arguments[2]->items, depth + 1);

  if (is_any(name, {"collections.OrderedDict", "builtins.dict", "__builtin__.dict", "collections.Counter",
                    "collections.defaultdict"})) {
    Node* dict = make_(Kind::dict);
    const Node* source = count == 0 ? nullptr : arguments.back();
    if (source != nullptr && source->kind == Kind::dict) dict->items = source->items;
    if (source != nullptr && is_sequence(source))
      for (const Node* pair : source->items)
        if (is_sequence(pair) && pair->items.size() == 2)
          dict->items.insert(dict->items.end(), pair->items.begin(), pair->items.end());
    return dict;
  }
  if (one_sequence &&
      is_any(name, {"torch.Size", "builtins.list", "builtins.tuple", "builtins.set", "builtins.frozenset",
                    "__builtin__.list", "__builtin__.tuple", "__builtin__.set", "__builtin__.frozenset"}))
    return arguments[0];
  if (name == "torch.device" && count > 0 && arguments[0]->kind == Kind::text) return arguments[0];
  if (is_any(name, {"pathlib.PosixPath", "pathlib.PurePosixPath", "pathlib._local.PosixPath"})) {
    Node* path = make_(Kind::text);
    for (const Node* part : arguments)
      path->text += (path->text.empty() || path->text.back() == '/' ? "" : "/") + part->text;
    return path;
  }
  if (name == "_codecs.encode" && count == 2 && arguments[0]->kind == Kind::text) {
    Node* bytes = make_(Kind::bytes);
    bytes->text = latin1(arguments[0]->text).value_or("");
    return bytes;
  }
  if (is_any(name, {"numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"})) return numpy_scalar(arguments);

  Node* object = make_(Kind::object);
  object->type = callable;
  object->arguments = arguments;
  return object;
}

}  // namespace nnunet::pickle
