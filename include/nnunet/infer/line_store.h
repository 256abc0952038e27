#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/infer/window_plan.h"

namespace nnunet {

/// The lines of a volume's logits, of so many bytes each, that are neither untouched nor given away yet. One block of
/// memory, of the most lines that are ever held, serves all.
class LineStore {
 public:
  /// What happens to the lines, step by step: these come, then those go.
  struct Step {
    LineRange acquired, released;
  };

  /// scratch: a folder; the lines then lie in a file there, without a name, of which only those that are worked on are
  /// in memory. Empty: all are. Throws Error when there is no room for the file.
  LineStore(std::int64_t line_bytes, const Shape3& shape, const std::vector<Step>& steps,
            const std::filesystem::path& scratch = {});

  /// Makes the range's lines available; those that were not are listed in new_lines(), their values undefined.
  void acquire(const LineRange& range);
  const std::vector<void*>& new_lines() const { return new_lines_; }
  void release(const LineRange& range);
  /// Of the lines last acquired, those outside the range are not needed for a while: they may leave the memory for the
  /// file.
  void rest_outside(const LineRange& range);

  /// (D,H) lines, null where not available.
  void* const* lines() const { return lines_.data(); }
  template <class T>
  T* line(std::int64_t z, std::int64_t y) const {
    return static_cast<T*>(lines_[index(z, y)]);
  }
  std::int64_t line_bytes() const { return line_bytes_; }
  std::int64_t bytes() const { return bytes_; }

 private:
  std::size_t index(std::int64_t z, std::int64_t y) const { return static_cast<std::size_t>(z * height_ + y); }

  std::int64_t height_, line_bytes_, stride_, bytes_;
  std::shared_ptr<std::byte[]> memory_;
  bool in_file_;
  LineRange awake_;  ///< the last acquired
  std::vector<void*> lines_, free_, new_lines_;
};

}  // namespace nnunet
