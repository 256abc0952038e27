#pragma once
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "nnunet/checkpoint/host_tensor.h"

namespace nnunet {

struct PythonValue;

/// A plain value as torch.save / torch.load know it: None, bool, int, float, str, list (tuples and sets become lists),
/// dict with string keys in order (OrderedDict too; other plain keys become text: 3 -> "3"), tensor.
///   Value v = Value::Dict{{"epoch", 3}, {"rates", Value::List{0.1, 0.01}}, {"weight", tensor}};
///   const std::int64_t epoch = v.find("epoch")->as_int("epoch");
struct Value {
  using List = std::vector<Value>;
  using Dict = std::vector<std::pair<std::string, Value>>;
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Dict, HostTensor> data;

  Value() = default;
  Value(std::same_as<bool> auto value) : data(value) {}  // not pointers
  template <std::integral T>
  requires(!std::same_as<T, bool>) Value(T value) : data(static_cast<std::int64_t>(value)) {}
  template <std::floating_point T>
  Value(T value) : data(static_cast<double>(value)) {}
  Value(const char* value) : data(std::string(value)) {}
  Value(std::string_view value) : data(std::string(value)) {}
  Value(std::string value) : data(std::move(value)) {}
  Value(List value) : data(std::move(value)) {}
  Value(Dict value) : data(std::move(value)) {}
  Value(HostTensor value) : data(std::move(value)) {}
  /// A list of numbers, strings, ...
  template <class T>
  requires(!std::same_as<T, Value> && !std::same_as<T, std::pair<std::string, Value>>)
      Value(const std::vector<T>& values)
      : data(List(values.begin(), values.end())) {}

  bool is_none() const { return std::holds_alternative<std::monostate>(data); }
  /// Entry of a dict, nullptr when absent or when this is no dict.
  const Value* find(std::string_view key) const;
  /// Throw Error naming `what` when the type is another. as_int takes bools, as_double takes ints.
  std::int64_t as_int(std::string_view what) const;
  double as_double(std::string_view what) const;
  bool as_bool(std::string_view what) const;
  const std::string& as_string(std::string_view what) const;
  const List& as_list(std::string_view what) const;
  const Dict& as_dict(std::string_view what) const;
  const HostTensor& as_tensor(std::string_view what) const;
};

/// Reads a file written by torch.save (zip format). Nothing in it is executed: tensors and plain values are kept, any
/// other class becomes a dict of its plain attributes (argparse.Namespace and the like) or None.
/// Tensors are on the CPU, whatever device they were saved from; those that shared a storage still do. Sparse,
/// quantized and meta tensors, objects that refer to themselves, integers beyond 64 bits and arrays of other libraries
/// become None. Throws Error (file, problem, remedy): missing, not a torch file, truncated, corrupt (CRC-32 of every
/// entry that is read), legacy format (before PyTorch 1.6), TorchScript, big-endian, nested deeper than 500 levels.
Value load_torch_file(const std::filesystem::path& path);
/// Writes a file that torch.load reads with its default weights_only=True; atomically. Tensors are written contiguous,
/// those that are the same numbers in memory once: they share them when they are read. Bytes of a string that are not
/// UTF-8 become U+FFFD. Throws Error for nesting deeper than 500 levels.
void save_torch_file(const std::filesystem::path& path, const Value& value);
/// The same of anything that Python can say (python_value.h); torch.load may want weights_only=False for it.
void save_torch_objects(const std::filesystem::path& path, const PythonValue& value);

}  // namespace nnunet
