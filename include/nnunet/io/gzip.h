#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace nnunet {

/// A block of bytes that is not zeroed first.
class Buffer {
 public:
  explicit Buffer(std::size_t size) : data_(std::make_unique_for_overwrite<std::byte[]>(size)), size_(size) {}
  std::span<std::byte> bytes() { return {data_.get(), size_}; }
  std::span<const std::byte> bytes() const { return {data_.get(), size_}; }

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t size_;
};

bool is_gzip(std::span<const std::byte> file);

/// The first bytes of a gzip file's content: `limit` or fewer, where the content or `file` (perhaps only the start of
/// the whole file) is shorter. Throws Error when they are corrupt.
std::vector<std::byte> gunzip_start(std::span<const std::byte> file, std::size_t limit, const std::string& name);

/// The first `size` bytes of the content of a whole gzip file of one or more members, its checksums verified. Content
/// beyond them is ignored, as nibabel does. Throws Error: truncated, corrupt, or less content than that; nothing is
/// allocated for a size that this file cannot hold.
Buffer gunzip(std::span<const std::byte> file, std::size_t size, const std::string& name);

/// One gzip member without name and time, so that equal content gives equal files.
std::vector<std::byte> gzip(std::span<const std::byte> content);

}  // namespace nnunet
