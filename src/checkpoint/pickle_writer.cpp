#include "pickle_writer.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <map>
#include <stdexcept>
#include <tuple>
#include <variant>

#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "torch_types.h"

namespace nnunet {

namespace {

constexpr const char* kReplacement = "\xef\xbf\xbd";  // U+FFFD in UTF-8

/// Bytes of the UTF-8 sequence at `at`, 0 if it is none (overlong forms and surrogates are none).
std::size_t utf8_length(const std::string& text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U; };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0 && tail(1)) return 2;
  if (first >= 0xe0 && first < 0xf0 && tail(1) && tail(2) && (first != 0xe0 || second >= 0xa0) &&
      (first != 0xed || second < 0xa0))
    return 3;
  if (first >= 0xf0 && first < 0xf5 && tail(1) && tail(2) && tail(3) && (first != 0xf0 || second >= 0x90) &&
      (first != 0xf4 || second < 0x90))
    return 4;
  return 0;
}

std::string valid_utf8(const std::string& text) {
  std::string valid;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text, at);
    if (length == 0)
      valid += kReplacement;
    else
      valid.append(text, at, length);
    at += std::max<std::size_t>(length, 1);
  }
  return valid;
}

/// numpy.dtype(type), little-endian.
PythonValue numpy_type(const std::string& type) {
  return PythonValue::Call{
      "numpy.dtype", {type, false, true}, {}, {PythonValue::Tuple{{3, "<", {}, {}, {}, -1, -1, 0}}}};
}

/// The bytes as text of the same letters, which is how protocol 2 spells them.
std::string latin1_as_utf8(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xc0U | byte >> 6U);
      text += static_cast<char>(0x80U | (byte & 0x3fU));
    }
  }
  return text;
}

/// Writes opcodes; the letters are those of Python's pickletools.
class Writer {
 public:
  Writer(int protocol, const std::string& name) : protocol_(protocol), name_(name) {
    out_.bytes = '\x80';
    out_.bytes += static_cast<char>(protocol);
  }

  Pickled finish() && {
    out_.bytes += '.';
    return std::move(out_);
  }

  /// A Value or PythonValue.
  template <class Any>
  void write(const Any& value, int depth = 0) {
    if (depth > limits::pickle_depth)
      throw Error(name_, "the data to save are nested too deeply", "this is a defect of the program that saves");
    std::visit([this, depth](const auto& held) { put(held, depth + 1); }, value.data);
  }

 private:
  void put(std::monostate, int) { out_.bytes += 'N'; }
  void put(bool value, int) { write_bool(value); }
  void put(std::int64_t value, int) { write_integer(value); }
  void put(double value, int) { write_real(value); }
  void put(const std::string& text, int) { write_text(text); }
  void put(const HostTensor& tensor, int) { write_tensor(tensor); }
  void put(const Value::List& list, int depth) { write_items("](", list, 'e', depth); }
  void put(const PythonValue::List& list, int depth) { write_items("](", list.items, 'e', depth); }
  void put(const PythonValue::Tuple& tuple, int depth) { write_items("(", tuple.items, 't', depth); }
  void put(const Value::Dict& dict, int depth) {
    out_.bytes += "}(";
    for (const auto& [key, item] : dict) {
      write_text(key);
      write(item, depth);
    }
    out_.bytes += 'u';
  }
  void put(const PythonValue::Dict& dict, int depth) {
    out_.bytes += '}';
    write_entries(dict.entries, depth);
  }
  void put(const PythonValue::Global& global, int) { write_global(global.name); }
  void put(const PythonValue::Bytes& bytes, int) { write_bytes(bytes.content); }
  void put(const PythonValue::Call& call, int depth) {
    write_global(call.callable);
    write_items("(", call.arguments, 't', depth);
    out_.bytes += 'R';
    if (!call.entries.empty()) write_entries(call.entries, depth);
    for (const PythonValue& state : call.state) {
      write(state, depth);
      out_.bytes += 'b';
    }
  }
  /// As numpy pickles arrays; this name of the module is the one that all versions of numpy know.
  void put(const PythonValue::Array& array, int) {
    const PythonValue::Call empty{
        "numpy.core.multiarray._reconstruct",
        {PythonValue::Global{"numpy.ndarray"}, PythonValue::Tuple{{0}}, PythonValue::Bytes{"b"}}};
    put(empty, 0);
    PythonValue::Tuple shape;
    for (const std::int64_t n : array.shape) shape.items.emplace_back(n);
    put(PythonValue::Tuple{{1, shape, numpy_type(array.type), false, PythonValue::Bytes{array.bytes}}}, 0);
    out_.bytes += 'b';
  }

  template <class Any>
  void write_items(const char* begin, const std::vector<Any>& items, char end, int depth) {
    out_.bytes += begin;
    for (const Any& item : items) write(item, depth);
    out_.bytes += end;
  }
  void write_entries(const std::vector<std::pair<PythonValue, PythonValue>>& entries, int depth) {
    out_.bytes += '(';
    for (const auto& [key, item] : entries) {
      write(key, depth);
      write(item, depth);
    }
    out_.bytes += 'u';
  }

  void write_little_endian(std::uint64_t value, int width) {
    for (int i = 0; i < width; ++i) out_.bytes += static_cast<char>(value >> (8 * i) & 0xffU);
  }
  void write_bool(bool value) { out_.bytes += value ? '\x88' : '\x89'; }
  void write_integer(std::int64_t value) {
    if (value >= 0 && value < 256) {
      out_.bytes += 'K';
      write_little_endian(static_cast<std::uint64_t>(value), 1);
    } else if (value >= std::numeric_limits<std::int32_t>::min() && value <= std::numeric_limits<std::int32_t>::max()) {
      out_.bytes += 'J';
      write_little_endian(static_cast<std::uint64_t>(value), 4);
    } else {
      out_.bytes += "\x8a\x08";
      write_little_endian(static_cast<std::uint64_t>(value), 8);
    }
  }
  /// Big-endian, unlike everything else.
  void write_real(double value) {
    out_.bytes += 'G';
    const auto bits = std::bit_cast<std::uint64_t>(value);
    for (int i = 7; i >= 0; --i) out_.bytes += static_cast<char>(bits >> (8 * i) & 0xffU);
  }
  void write_text(const std::string& text) {
    const std::string valid = valid_utf8(text);
    if (valid.size() > std::numeric_limits<std::uint32_t>::max())
      throw Error(name_, "a string to save is too long", "");
    out_.bytes += 'X';
    write_little_endian(valid.size(), 4);
    out_.bytes += valid;
  }
  void write_bytes(const std::string& bytes) {
    if (protocol_ >= 4) {
      out_.bytes += '\x8e';
      write_little_endian(bytes.size(), 8);
      out_.bytes += bytes;
      return;
    }
    write_global("_codecs.encode");
    out_.bytes += '(';
    write_text(latin1_as_utf8(bytes));
    write_text("latin1");
    out_.bytes += "tR";
  }
  /// "module.name"
  void write_global(const std::string& global) {
    const std::size_t dot = global.rfind('.');
    out_.bytes += fmt::format("c{}\n{}\n", global.substr(0, dot), global.substr(dot + 1));
  }
  void write_tuple(const std::vector<std::int64_t>& values) {
    out_.bytes += '(';
    for (const std::int64_t value : values) write_integer(value);
    out_.bytes += 't';
  }

  /// The entry with the tensor's numbers. Those that lie there for an earlier tensor serve both.
  std::size_t place_of(const HostTensor& plain) {
    const auto next = out_.tensors.size();
    if (plain.numel() > 0) {
      const auto [found, is_new] = places_.try_emplace({plain.data(), plain.nbytes(), plain.dtype}, next);
      if (!is_new) return found->second;
    }
    out_.tensors.push_back(plain);
    return next;
  }

  // torch._utils._rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, hooks), or _v3 with the type at the
  // end.
  void write_tensor(const HostTensor& tensor) {
    const HostTensor plain = tensor.contiguous();
    const auto storage = storage_name(plain.dtype);
    write_global(storage ? "torch._utils._rebuild_tensor_v2" : "torch._utils._rebuild_tensor_v3");
    out_.bytes += "((";
    write_text("storage");
    write_global(storage ? fmt::format("torch.{}", *storage) : "torch.storage.UntypedStorage");
    write_text(std::to_string(place_of(plain)));
    write_text("cpu");
    write_integer(storage ? plain.numel() : plain.nbytes());
    out_.bytes += "tQ";
    write_integer(0);
    write_tuple(plain.sizes);
    write_tuple(contiguous_strides(plain.sizes));
    write_bool(false);
    write_global("collections.OrderedDict");
    out_.bytes += ")R";
    if (!storage) write_global(fmt::format("torch.{}", dtype_name(plain.dtype)));
    out_.bytes += "tR";
  }

  int protocol_;
  const std::string& name_;
  Pickled out_;
  std::map<std::tuple<const void*, std::int64_t, Dtype>, std::size_t> places_;
};

}  // namespace

Pickled write_pickle(const Value& value, const std::string& name) {
  Writer writer(2, name);
  writer.write(value);
  return std::move(writer).finish();
}

Pickled write_pickle(const PythonValue& value, int protocol, const std::string& name) {
  Writer writer(protocol, name);
  writer.write(value);
  return std::move(writer).finish();
}

std::string python_pickle(const PythonValue& value) {
  Pickled pickled = write_pickle(value, 4, "pickle");
  if (!pickled.tensors.empty()) throw std::logic_error("a pickle alone has no room for tensors");
  return std::move(pickled.bytes);
}

PythonValue numpy_float32(float value) {
  const auto bits = std::bit_cast<std::array<char, sizeof(float)>>(value);
  return PythonValue::Call{"numpy._core.multiarray.scalar",
                           {numpy_type("f4"), PythonValue::Bytes{std::string(bits.begin(), bits.end())}}};
}

PythonValue ordered_dict(std::vector<std::pair<PythonValue, PythonValue>> entries) {
  return PythonValue::Call{"collections.OrderedDict", {}, std::move(entries)};
}

}  // namespace nnunet
