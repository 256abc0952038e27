#include "pickle_writer.h"

#include <bit>
#include <cstdint>
#include <limits>

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

/// Writes opcodes; the letters are those of Python's pickletools.
class Writer {
 public:
  explicit Writer(const std::string& name) : name_(name) { out_.bytes = "\x80\x02"; }

  Pickled finish() && {
    out_.bytes += '.';
    return std::move(out_);
  }

  void write(const Value& value, int depth = 0) {
    if (depth > limits::pickle_depth)
      throw Error(name_, "the data to save are nested too deeply", "this is a defect of the program that saves");
    if (value.is_none())
      out_.bytes += 'N';
    else if (const auto* flag = std::get_if<bool>(&value.data))
      write_bool(*flag);
    else if (const auto* integer = std::get_if<std::int64_t>(&value.data))
      write_integer(*integer);
    else if (const auto* real = std::get_if<double>(&value.data))
      write_real(*real);
    else if (const auto* text = std::get_if<std::string>(&value.data))
      write_text(*text);
    else if (const auto* tensor = std::get_if<HostTensor>(&value.data))
      write_tensor(*tensor);
    else if (const auto* list = std::get_if<Value::List>(&value.data)) {
      out_.bytes += "](";
      for (const Value& item : *list) write(item, depth + 1);
      out_.bytes += 'e';
    } else {
      out_.bytes += "}(";
      for (const auto& [key, item] : std::get<Value::Dict>(value.data)) {
        write_text(key);
        write(item, depth + 1);
      }
      out_.bytes += 'u';
    }
  }

 private:
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
  void write_global(const std::string& module, const std::string& name) {
    out_.bytes += "c" + module + "\n" + name + "\n";
  }
  void write_tuple(const std::vector<std::int64_t>& values) {
    out_.bytes += '(';
    for (const std::int64_t value : values) write_integer(value);
    out_.bytes += 't';
  }

  // torch._utils._rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, hooks), or _v3 with the type at the
  // end.
  void write_tensor(const HostTensor& tensor) {
    const HostTensor plain = tensor.contiguous();
    const auto storage = storage_name(plain.dtype);
    write_global("torch._utils", storage ? "_rebuild_tensor_v2" : "_rebuild_tensor_v3");
    out_.bytes += "((";
    write_text("storage");
    storage ? write_global("torch", *storage) : write_global("torch.storage", "UntypedStorage");
    write_text(std::to_string(out_.tensors.size()));
    write_text("cpu");
    write_integer(storage ? plain.numel() : plain.nbytes());
    out_.bytes += "tQ";
    write_integer(0);
    write_tuple(plain.sizes);
    write_tuple(contiguous_strides(plain.sizes));
    write_bool(false);
    write_global("collections", "OrderedDict");
    out_.bytes += ")R";
    if (!storage) write_global("torch", std::string(dtype_name(plain.dtype)));
    out_.bytes += "tR";
    out_.tensors.push_back(plain);
  }

  const std::string& name_;
  Pickled out_;
};

}  // namespace

Pickled write_pickle(const Value& value, const std::string& name) {
  Writer writer(name);
  writer.write(value);
  return std::move(writer).finish();
}

}  // namespace nnunet
