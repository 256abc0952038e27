#include <bit>
#include <limits>
#include <type_traits>

#include "nnunet/checkpoint/python_value.h"

namespace nnunet {
namespace {

/// Writes opcodes; the letters are those of Python's pickletools.
class Writer {
 public:
  std::string finish() && { return std::move(bytes_) + '.'; }

  void write(const PythonValue& value) {
    std::visit([this](const auto& held) { put(held); }, value.data);
  }

 private:
  void little_endian(std::uint64_t value, int width) {
    for (int i = 0; i < width; ++i) bytes_ += static_cast<char>(value >> (8 * i) & 0xffU);
  }

  void put(std::monostate) { bytes_ += 'N'; }
  void put(bool value) { bytes_ += value ? '\x88' : '\x89'; }
  void put(std::int64_t value) {
    if (value >= std::numeric_limits<std::int32_t>::min() && value <= std::numeric_limits<std::int32_t>::max()) {
      bytes_ += 'J';
      little_endian(static_cast<std::uint64_t>(value), 4);
    } else {
      bytes_ += "\x8a\x08";
      little_endian(static_cast<std::uint64_t>(value), 8);
    }
  }
  /// Big-endian, unlike everything else.
  void put(double value) {
    bytes_ += 'G';
    const auto bits = std::bit_cast<std::uint64_t>(value);
    for (int i = 7; i >= 0; --i) bytes_ += static_cast<char>(bits >> (8 * i) & 0xffU);
  }
  void put(const std::string& text) {
    bytes_ += '\x8d';
    little_endian(text.size(), 8);
    bytes_ += text;
  }
  void put(const PythonValue::Global& global) {
    const std::size_t dot = global.name.rfind('.');
    put_global(global.name.substr(0, dot), global.name.substr(dot + 1));
  }
  void put_global(const std::string& module, const std::string& name) { bytes_ += 'c' + module + '\n' + name + '\n'; }
  void put(const PythonValue::List& list) {
    bytes_ += "](";
    for (const PythonValue& item : list.items) write(item);
    bytes_ += 'e';
  }
  void put(const PythonValue::Tuple& tuple) {
    bytes_ += '(';
    for (const PythonValue& item : tuple.items) write(item);
    bytes_ += 't';
  }
  void put(const PythonValue::Dict& dict) {
    bytes_ += "}(";
    for (const auto& [key, value] : dict.entries) {
      write(key);
      write(value);
    }
    bytes_ += 'u';
  }
  void put_bytes(const std::string& content) {
    bytes_ += '\x8e';
    little_endian(content.size(), 8);
    bytes_ += content;
  }
  /// As numpy pickles arrays; this name of the module is the one that all versions of numpy know.
  void put(const PythonValue::Array& array) {
    put_global("numpy.core.multiarray", "_reconstruct");
    bytes_ += '(';
    put_global("numpy", "ndarray");
    put(PythonValue::Tuple{{0}});
    put_bytes("b");
    bytes_ += "tR(";
    put(std::int64_t{1});
    bytes_ += '(';
    for (const std::int64_t n : array.shape) put(n);
    bytes_ += 't';
    put_type(array.type);
    put(false);
    put_bytes(array.bytes);
    bytes_ += "tb";
  }
  void put_type(const std::string& type) {
    put_global("numpy", "dtype");
    put(PythonValue::Tuple{{type, false, true}});
    bytes_ += 'R';
    put(PythonValue::Tuple{{3, "<", {}, {}, {}, -1, -1, 0}});
    bytes_ += 'b';
  }

  std::string bytes_ = "\x80\x04";
};

}  // namespace

std::string python_pickle(const PythonValue& value) {
  Writer writer;
  writer.write(value);
  return std::move(writer).finish();
}

}  // namespace nnunet
