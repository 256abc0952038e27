#include "nnunet/infer/window_plan.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <numeric>
#include <set>
#include <tuple>

#include "nnunet/infer/sliding_window.h"

namespace nnunet {
namespace {

/// The range that ends where the next start begins; the first and the last one reach to the volume's ends.
std::pair<std::int64_t, std::int64_t> until_next(const std::set<std::int64_t>& starts, std::int64_t start,
                                                 std::int64_t size) {
  const auto here = starts.find(start), next = std::next(here);
  const auto inside = [&](std::int64_t v) { return std::clamp<std::int64_t>(v, 0, size); };
  return {here == starts.begin() ? 0 : inside(start), next == starts.end() ? size : inside(*next)};
}

/// The finished range without the lines that neighbour unfinished ones, and with those of the range before.
std::pair<std::int64_t, std::int64_t> released(std::int64_t begin, std::int64_t end, std::int64_t size) {
  return {std::max<std::int64_t>(0, begin - 1), end == size ? end : end - 1};
}

}  // namespace

std::vector<unsigned> mirror_images(const SlidingWindowPlan& plan) {
  std::vector<unsigned> images{0};
  if (!plan.mirror) return images;
  const auto first = static_cast<unsigned>(3 - plan.dim());  // of the patch's axes
  unsigned all = 0;
  for (const int axis : plan.mirror_axes) all |= 1U << (first + static_cast<unsigned>(axis));
  for (unsigned image = 1; image < 8; ++image)
    if ((image & ~all) == 0) images.push_back(image);
  // As combinations are listed: fewer axes first; among as many, the one that has the first axis in which they differ.
  std::ranges::sort(images, {}, [](unsigned image) {
    return std::tuple(std::popcount(image), (image & 1U) == 0, (image & 2U) == 0, (image & 4U) == 0);
  });
  return images;
}

WindowPlan::WindowPlan(const Shape3& size_, const SlidingWindowPlan& rules_) : rules(rules_), size(size_) {
  const bool slices = rules.dim() == 2;
  patch[0] = 1;
  std::ranges::copy(rules.patch, patch.begin() + (slices ? 1 : 0));
  for (std::size_t a = 0; a < 3; ++a) {
    padded[a] = std::max(size[a], patch[a]);
    grid[a] = window_starts(padded[a], patch[a], rules.overlap, rules.starts);
  }
  if (slices) {
    grid[0].resize(static_cast<std::size_t>(size[0]));
    std::iota(grid[0].begin(), grid[0].end(), 0);
  }
  std::vector<unsigned> kinds{0};
  if (rules.mirrored_unit == MirroredUnit::volume) kinds = mirror_images(rules);
  flips = static_cast<unsigned>(kinds.size());
  add_jobs(kinds);
  add_rows();
}

void WindowPlan::add_jobs(const std::vector<unsigned>& kinds) {
  for (const unsigned flip : kinds)
    for (std::size_t z = 0; z < grid[0].size(); ++z)
      for (std::size_t y = 0; y < grid[1].size(); ++y)
        for (std::size_t x = 0; x < grid[2].size(); ++x) {
          WindowJob job{{z, y, x}, {}, flip};
          for (std::size_t a = 0; a < 3; ++a) {
            const std::int64_t start = grid[a][job.place[a]] - (padded[a] - size[a]) / 2;
            job.start[a] = job.mirrored(a) ? size[a] - patch[a] - start : start;
          }
          jobs.push_back(job);
        }
  std::ranges::sort(jobs, {}, [](const WindowJob& job) { return std::tuple(job.start, job.flip); });
}

void WindowPlan::add_rows() {
  std::set<std::int64_t> z_starts, y_starts;
  for (const WindowJob& job : jobs) {
    z_starts.insert(job.start[0]);
    y_starts.insert(job.start[1]);
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const std::int64_t z = jobs[i].start[0], y = jobs[i].start[1];
    if (i + 1 < jobs.size() && jobs[i + 1].start[0] == z && jobs[i + 1].start[1] == y) continue;
    WindowRow row;
    row.end_job = i + 1;
    row.touched = {std::max<std::int64_t>(0, z), std::min(size[0], z + patch[0]), std::max<std::int64_t>(0, y),
                   std::min(size[1], y + patch[1])};
    LineRange& f = row.finished;
    std::tie(f.z_begin, f.z_end) = until_next(z_starts, z, size[0]);
    std::tie(f.y_begin, f.y_end) = until_next(y_starts, y, size[1]);
    std::tie(row.released.z_begin, row.released.z_end) = released(f.z_begin, f.z_end, size[0]);
    std::tie(row.released.y_begin, row.released.y_end) = released(f.y_begin, f.y_end, size[1]);
    rows.push_back(row);
  }
}

}  // namespace nnunet
