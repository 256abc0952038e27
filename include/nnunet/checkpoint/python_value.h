#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "nnunet/checkpoint/host_tensor.h"

namespace nnunet {

/// A value as Python pickles it, nearer to Python than Value: tuples are not lists, keys may be of any kind, functions
/// and classes have names, and there are numpy's arrays. Nothing is ever imported or called.
struct PythonValue {
  struct Global {
    std::string name;  ///< "module.function"
  };
  struct List {
    std::vector<PythonValue> items;
  };
  struct Tuple {
    std::vector<PythonValue> items;
  };
  struct Dict {
    std::vector<std::pair<PythonValue, PythonValue>> entries;
  };
  /// Numbers in C order and this machine's byte order.
  struct Array {
    std::string type;  ///< numpy's without byte order: "f8", "i4"
    std::vector<std::int64_t> shape;
    std::string bytes;
  };
  /// To be written; read as strings.
  struct Bytes {
    std::string content;
  };
  /// To be written: what a call of a function or class gives, with the entries and the state that it is given then.
  struct Call {
    std::string callable;  ///< "collections.OrderedDict"
    std::vector<PythonValue> arguments;
    std::vector<std::pair<PythonValue, PythonValue>> entries = {};
    std::vector<PythonValue> state = {};  ///< one, or none
  };
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Global, List, Tuple, Dict, Array, Bytes, Call,
               HostTensor>
      data;

  PythonValue() = default;
  template <class T>
  PythonValue(T value) : data(std::move(value)) {}
  PythonValue(int value) : data(static_cast<std::int64_t>(value)) {}
  PythonValue(const char* value) : data(std::string(value)) {}

  /// Entry of a dict; nullptr where it is absent or this is no dict.
  const PythonValue* find(std::string_view key) const;
  /// The items of a list or tuple; nullptr for others.
  const std::vector<PythonValue>* items() const;
  /// A whole number (bools count, reals do not), or any number. Throw Error naming `what`.
  std::int64_t as_int(std::string_view what) const;
  double as_double(std::string_view what) const;
  /// The numbers of a list, a tuple or an array of real numbers, row by row. Throws Error naming `what`.
  std::vector<double> as_doubles(std::string_view what) const;
};

/// Reads a pickle (protocols 2 to 5). What is not one of the kinds above becomes None. Throws Error (file, problem,
/// remedy) for what is missing, damaged, too deep or too large.
PythonValue read_python_pickle(const std::filesystem::path& path);
PythonValue read_python_pickle(std::string_view bytes, const std::string& name);

/// The bytes of a pickle (protocol 4) that Python 3.4 and later read. Not for tensors, whose numbers lie beside a
/// pickle (std::logic_error).
std::string python_pickle(const PythonValue& value);

/// numpy.float32(value), as numpy pickles it.
PythonValue numpy_float32(float value);
/// collections.OrderedDict of these entries.
PythonValue ordered_dict(std::vector<std::pair<PythonValue, PythonValue>> entries);

}  // namespace nnunet
