#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/io/atomic_file.h"

namespace nnunet {

/// A .npy file of real numbers, read only, in C order and this machine's byte order: mapped into memory where it lies
/// so in the file (as numpy.save and we write it), else a copy. Copies share the memory. Throws Error for a missing,
/// truncated or otherwise unsupported file.
class NpyFile {
 public:
  explicit NpyFile(const std::filesystem::path& path);

  const std::vector<std::int64_t>& shape() const { return shape_; }
  /// numpy's type string of values() without byte order: "f4", "f8", "u1", "u2", "u4", "u8", "i1", "i2", "i4" or "i8".
  /// A file's float16 has become f4, its bool u1.
  const std::string& dtype() const { return dtype_; }
  /// The values; throws Error when T is not dtype().
  template <class T>
  std::span<const T> values() const;
  /// Calls body with values() of whatever type they are.
  template <class Body>
  decltype(auto) visit(Body&& body) const;
  /// The same array with values of type T (float, uint8_t, int64_t), which costs nothing where it has that type.
  /// Throws Error for a value that T cannot hold: one that is not whole, or too large.
  template <class T>
  NpyFile as() const;

 private:
  void hold(std::shared_ptr<const std::byte[]> values);

  std::filesystem::path path_;
  std::vector<std::int64_t> shape_;
  std::string dtype_;
  std::shared_ptr<const std::byte> memory_;  ///< keeps the values alive
  const std::byte* values_ = nullptr;
  std::size_t count_ = 0;
};

/// Writes format version 1.0, atomically. Instantiated for float, double, uint8_t, int64_t, int32_t, int16_t,
/// uint16_t.
template <class T>
void write_npy(const std::filesystem::path& path, const Array<T>& array);
/// The same as one of several files.
template <class T>
void write_npy(PendingFiles& files, const std::filesystem::path& path, const Array<T>& array);
template <class T>
Array<T> read_npy(const std::filesystem::path& path);

/// A .npy file (format version 1.0) that is written piece by piece, for arrays that do not fit into memory. Its name
/// appears with commit(). Instantiated as write_npy.
template <class T>
class NpyWriter {
 public:
  NpyWriter(const std::filesystem::path& path, const std::vector<std::int64_t>& shape);
  /// Values from index `first` (row-major) on; those never written are 0. From any thread.
  void write(std::int64_t first, std::span<const T> values) const;
  /// All values as memory, for writers that jump about: PendingFile::map.
  std::span<T> map();
  /// PendingFile::rest.
  void rest();
  void commit();

 private:
  PendingFile file_;
  std::size_t header_size_, count_;
};

template <class Body>
decltype(auto) NpyFile::visit(Body&& body) const {
  if (dtype_ == "f8") return body(values<double>());
  if (dtype_ == "u1") return body(values<std::uint8_t>());
  if (dtype_ == "u2") return body(values<std::uint16_t>());
  if (dtype_ == "u4") return body(values<std::uint32_t>());
  if (dtype_ == "u8") return body(values<std::uint64_t>());
  if (dtype_ == "i1") return body(values<std::int8_t>());
  if (dtype_ == "i2") return body(values<std::int16_t>());
  if (dtype_ == "i4") return body(values<std::int32_t>());
  if (dtype_ == "i8") return body(values<std::int64_t>());
  return body(values<float>());
}

}  // namespace nnunet
