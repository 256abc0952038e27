#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/io/atomic_file.h"

namespace nnunet {

/// A .npy file mapped read-only into memory (C order, little endian). Cheap to copy? No: move-only.
/// Throws Error for a missing, truncated, Fortran-ordered or otherwise unsupported file.
class NpyFile {
 public:
  explicit NpyFile(const std::filesystem::path& path);
  ~NpyFile();
  NpyFile(NpyFile&&) noexcept;
  NpyFile& operator=(NpyFile&&) noexcept;
  NpyFile(const NpyFile&) = delete;
  NpyFile& operator=(const NpyFile&) = delete;

  const std::vector<std::int64_t>& shape() const { return shape_; }
  /// numpy's type string without byte order: "f4", "f8", "u1", "i8", ...
  const std::string& dtype() const { return dtype_; }
  /// The values; throws Error when T is not the file's type.
  template <class T>
  std::span<const T> values() const;

 private:
  std::filesystem::path path_;
  std::vector<std::int64_t> shape_;
  std::string dtype_;
  const std::byte* map_ = nullptr;
  std::size_t length_ = 0, offset_ = 0, count_ = 0;
};

/// Writes format version 1.0, atomically. Instantiated for float, double, uint8_t, int64_t, int32_t, uint16_t.
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
  void commit();

 private:
  PendingFile file_;
  std::size_t header_size_;
};

}  // namespace nnunet
