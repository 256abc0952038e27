#include "cpu_sums.h"

#include <algorithm>
#include <cstring>

#include "nnunet/core/parallel.h"

namespace nnunet {
namespace {

std::int64_t width_of(bool bf16) {
  return bf16 ? 2 : 4;
}

}  // namespace

std::vector<LineStore::Step> line_steps(const WindowPlan& plan) {
  std::vector<LineStore::Step> steps;
  for (const WindowRow& row : plan.rows) steps.push_back({row.touched, row.released});
  return steps;
}

WindowLogits::WindowLogits(const Logits& logits, std::int64_t i) : bf16(logits.bf16) {
  values = static_cast<const char*>(logits.values) + i * logits.strides[0] * width_of(bf16);
  const std::size_t spatial = logits.strides.size() - 2;
  strides[0] = logits.strides[1];
  for (std::size_t a = 0; a < spatial; ++a) strides[4 - spatial + a] = logits.strides[2 + a];
}

LinePlace::LinePlace(const WindowPlan& plan, const WindowJob& job, std::int64_t window_z, std::int64_t window_y) {
  const auto [depth, height, width] = plan.patch;
  z = job.start[0] + (job.mirrored(0) ? depth - 1 - window_z : window_z);
  y = job.start[1] + (job.mirrored(1) ? height - 1 - window_y : window_y);
  inside = z >= 0 && z < plan.size[0] && y >= 0 && y < plan.size[1];
  mirrored = job.mirrored(2);
  const std::int64_t before = std::max<std::int64_t>(0, -job.start[2]);
  count = std::min(plan.size[2], width);
  begin = mirrored ? width - before - count : before;
  x = job.start[2] + (mirrored ? width - 1 - begin : begin);
}

LogitLine logit_line(const WindowLogits& logits, std::int64_t z, std::int64_t y, const LinePlace& place) {
  LogitLine line;
  const std::int64_t first = z * logits.strides[1] + y * logits.strides[2] + place.begin * logits.strides[3];
  line.bf16 = logits.bf16;
  line.logits = logits.values + first * width_of(logits.bf16);
  line.class_stride = logits.strides[0];
  line.x_stride = logits.strides[3];
  line.mirrored = place.mirrored;
  line.count = place.count;
  return line;
}

void open_lines(LineStore& store, const LineRange& touched) {
  store.acquire(touched);
  const auto& lines = store.new_lines();
  const auto grain = std::max<std::int64_t>(1, kLogitGrain * 4 / store.line_bytes());
  parallel_ranges(static_cast<std::int64_t>(lines.size()), grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      std::memset(lines[static_cast<std::size_t>(i)], 0, static_cast<std::size_t>(store.line_bytes()));
  });
}

}  // namespace nnunet
