#include "nnunet/infer/line_store.h"

#include <algorithm>

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

LineStore::LineStore(std::int64_t classes, const Shape3& shape, const std::vector<Step>& steps)
    : height_(shape[1]), line_values_(classes * shape[2]), lines_(static_cast<std::size_t>(shape[0] * shape[1])) {
  const std::int64_t count = most_lines(shape, steps), values = count * line_values_;
  bytes_ = values * static_cast<std::int64_t>(sizeof(float));
  memory_ = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(values));
  for (std::int64_t i = count; i-- > 0;) free_.push_back(memory_.get() + i * line_values_);
}

void LineStore::acquire(const LineRange& range) {
  new_lines_.clear();
  for_lines(range, [&](std::int64_t z, std::int64_t y) {
    float*& line = lines_[index(z, y)];
    if (line != nullptr) return;
    line = free_.back();
    free_.pop_back();
    new_lines_.push_back(line);
  });
}

void LineStore::release(const LineRange& range) {
  for_lines(range, [&](std::int64_t z, std::int64_t y) {
    float*& line = lines_[index(z, y)];
    if (line != nullptr) free_.push_back(line);
    line = nullptr;
  });
}

}  // namespace nnunet
