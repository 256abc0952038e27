#include "nnunet/infer/line_store.h"

#include <algorithm>

#include "scratch_memory.h"

namespace nnunet {
namespace {

template <class Body>
void for_lines(const LineRange& range, const Body& body) {
  for (std::int64_t z = range.z_begin; z < range.z_end; ++z)
    for (std::int64_t y = range.y_begin; y < range.y_end; ++y) body(z, y);
}

/// The most lines held at a time.
std::int64_t most_lines(const Shape3& shape, const std::vector<LineStore::Step>& steps) {
  std::vector<char> held(static_cast<std::size_t>(shape[0] * shape[1]), 0);
  std::int64_t count = 0, most = 0;
  const auto set = [&](const LineRange& range, char value) {
    for_lines(range, [&](std::int64_t z, std::int64_t y) {
      char& now = held[static_cast<std::size_t>(z * shape[1] + y)];
      count += value - now;
      now = value;
    });
  };
  for (const LineStore::Step& step : steps) {
    set(step.acquired, 1);
    most = std::max(most, count);
    set(step.released, 0);
  }
  return most;
}

}  // namespace

LineStore::LineStore(std::int64_t line_bytes, const Shape3& shape, const std::vector<Step>& steps,
                     const std::filesystem::path& scratch)
    : height_(shape[1]),
      line_bytes_(line_bytes),
      in_file_(!scratch.empty()),
      lines_(static_cast<std::size_t>(shape[0] * shape[1])) {
  constexpr std::int64_t kPage = 4096;  // lines in a file share no page, so that each can leave the memory
  const std::int64_t count = most_lines(shape, steps);
  stride_ = in_file_ ? (line_bytes_ + kPage - 1) / kPage * kPage : line_bytes_;
  bytes_ = count * stride_;
  const auto bytes = static_cast<std::size_t>(bytes_);
  memory_ = in_file_ ? scratch_memory(scratch, bytes) : std::make_shared_for_overwrite<std::byte[]>(bytes);
  for (std::int64_t i = count; i-- > 0;) free_.push_back(memory_.get() + i * stride_);
}

void LineStore::acquire(const LineRange& range) {
  awake_ = range;
  new_lines_.clear();
  for_lines(range, [&](std::int64_t z, std::int64_t y) {
    void*& line = lines_[index(z, y)];
    if (line != nullptr) return;
    line = free_.back();
    free_.pop_back();
    new_lines_.push_back(line);
  });
}

void LineStore::release(const LineRange& range) {
  for_lines(range, [&](std::int64_t z, std::int64_t y) {
    void*& line = lines_[index(z, y)];
    if (line == nullptr) return;
    if (in_file_) let_memory_go(line, stride_);
    free_.push_back(line);
    line = nullptr;
  });
}

void LineStore::rest_outside(const LineRange& range) {
  if (!in_file_) return;
  for_lines(awake_, [&](std::int64_t z, std::int64_t y) {
    const bool needed = z >= range.z_begin && z < range.z_end && y >= range.y_begin && y < range.y_end;
    void* line = lines_[index(z, y)];
    if (!needed && line != nullptr) let_memory_go(line, stride_);
  });
}

}  // namespace nnunet
