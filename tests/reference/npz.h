#pragma once
#include <zlib.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "nnunet/core/array.h"

namespace nnunet::test {

/// Reads numpy's .npz archives (zip of .npy files, stored or deflated; C order, little endian).
///   const Npz npz(reference_file("reference/augmentation.npz"));
///   const Array<float> x = npz.load<float>("x");   // from f2, f4, f8, i1..i8, u1..u8 or bool; a 0-d array has no
///   shape and one value
class Npz {
 public:
  explicit Npz(const std::filesystem::path& path) : name_(path.string()) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error(name_ + ": cannot be opened");
    file_.assign(std::istreambuf_iterator<char>(in), {});
    read_directory();
  }

  bool has(const std::string& name) const { return members_.count(name + ".npy") != 0; }
  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& [name, member] : members_) result.push_back(name.substr(0, name.rfind(".npy")));
    return result;
  }

  template <class T>
  Array<T> load(const std::string& name) const {
    const auto found = members_.find(name + ".npy");
    if (found == members_.end()) throw std::runtime_error(name_ + ": has no array " + name);
    return from_npy<T>(unpack(found->second), name);
  }
  /// The only value of a 0-d or one-element array.
  template <class T>
  T scalar(const std::string& name) const {
    return load<T>(name).values.at(0);
  }

 private:
  struct Member {
    unsigned method = 0;
    std::size_t packed = 0, size = 0, header = 0;
  };

  std::size_t number(std::size_t at, int bytes) const {
    std::size_t value = 0;
    for (int i = bytes - 1; i >= 0; --i) {
      value = value << 8 | static_cast<unsigned char>(file_.at(at + static_cast<std::size_t>(i)));
    }
    return value;
  }

  void read_directory() {
    std::size_t end = file_.rfind("PK\x05\x06");
    if (end == std::string::npos) throw std::runtime_error(name_ + ": is not a zip archive");
    std::size_t at = number(end + 16, 4);
    for (std::size_t left = number(end + 10, 2); left > 0; --left) {
      const std::size_t name_size = number(at + 28, 2);
      const Member member{static_cast<unsigned>(number(at + 10, 2)), number(at + 20, 4), number(at + 24, 4),
                          number(at + 42, 4)};
      members_[file_.substr(at + 46, name_size)] = member;
      at += 46 + name_size + number(at + 30, 2) + number(at + 32, 2);
    }
  }

  std::string unpack(const Member& member) const {
    const std::size_t start = member.header + 30 + number(member.header + 26, 2) + number(member.header + 28, 2);
    if (start + member.packed > file_.size()) throw std::runtime_error(name_ + ": truncated");
    if (member.method == 0) return file_.substr(start, member.size);
    if (member.method != 8) throw std::runtime_error(name_ + ": unknown compression");
    std::string content(member.size, '\0');
    z_stream stream{};
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(file_.data() + start));
    stream.avail_in = static_cast<uInt>(member.packed);
    stream.next_out = reinterpret_cast<Bytef*>(content.data());
    stream.avail_out = static_cast<uInt>(member.size);
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::runtime_error("zlib");
    const int code = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    if (code != Z_STREAM_END || stream.avail_out != 0) throw std::runtime_error(name_ + ": corrupt");
    return content;
  }

  template <class T, class Stored>
  static std::vector<T> convert(const char* from, std::size_t count) {
    std::vector<T> values(count);
    for (std::size_t i = 0; i < count; ++i) {
      Stored value;
      std::memcpy(&value, from + i * sizeof(Stored), sizeof(Stored));
      values[i] = static_cast<T>(value);
    }
    return values;
  }

  template <class T>
  static std::vector<T> widened_halves(const char* from, std::size_t count) {
    std::vector<T> values;
    for (const std::uint16_t bits : convert<std::uint16_t, std::uint16_t>(from, count)) {
      const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
      const double magnitude =
          exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);  // finite ones
      values.push_back(static_cast<T>((bits & 0x8000) != 0 ? -magnitude : magnitude));
    }
    return values;
  }

  template <class T>
  static std::vector<T> values_of(const std::string& type, const char* from, std::size_t count) {
    if (type == "f2") return widened_halves<T>(from, count);
    if (type == "f4") return convert<T, float>(from, count);
    if (type == "f8") return convert<T, double>(from, count);
    if (type == "u1" || type == "b1") return convert<T, std::uint8_t>(from, count);
    if (type == "u2") return convert<T, std::uint16_t>(from, count);
    if (type == "u4") return convert<T, std::uint32_t>(from, count);
    if (type == "u8") return convert<T, std::uint64_t>(from, count);
    if (type == "i1") return convert<T, std::int8_t>(from, count);
    if (type == "i2") return convert<T, std::int16_t>(from, count);
    if (type == "i4") return convert<T, std::int32_t>(from, count);
    if (type == "i8") return convert<T, std::int64_t>(from, count);
    throw std::runtime_error("unknown numpy type " + type);
  }

  template <class T>
  Array<T> from_npy(const std::string& npy, const std::string& name) const {
    const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(npy.at(i))); };
    const bool first = byte(6) == 1;
    const std::size_t size = byte(8) + 256 * byte(9) + (first ? 0 : 65536 * byte(10)), start = first ? 10 : 12;
    const std::string head = npy.substr(start, size);
    if (head.find("'fortran_order': True") != std::string::npos) {
      throw std::runtime_error(name_ + ": " + name + " is in Fortran order");
    }
    const std::string type = head.substr(head.find("'descr': '") + 11, 2);
    Array<T> array;
    const std::size_t open = head.find("'shape': (") + 9;
    for (std::size_t at = open + 1; at < head.find(')', open);) {
      std::size_t used = 0;
      array.shape.push_back(std::stoll(head.substr(at), &used));
      at += used;
      while (head.at(at) == ',' || head.at(at) == ' ') ++at;
    }
    const auto count = static_cast<std::size_t>(Array<T>::count(array.shape));
    if (npy.size() != start + size + count * static_cast<std::size_t>(type.at(1) - '0')) {
      throw std::runtime_error(name_ + ": " + name + " has the wrong size");
    }
    array.values = values_of<T>(type, npy.data() + start + size, count);
    return array;
  }

  std::string name_, file_;
  std::map<std::string, Member> members_;
};

}  // namespace nnunet::test
