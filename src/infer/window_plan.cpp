#include "nnunet/infer/window_plan.h"

#include <algorithm>
#include <iterator>
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

WindowPlan::WindowPlan(const Shape3& size_, const Shape3& patch_, double overlap, bool tta, bool slices)
    : size(size_), patch(patch_) {
  for (std::size_t a = 0; a < 3; ++a) {
    padded[a] = std::max(size[a], patch[a]);
    grid[a] = window_starts(padded[a], patch[a], overlap);
  }
  std::vector<unsigned> kinds{0};
  if (tta) {
    kinds.clear();
    for (unsigned f = 0; f < 8; ++f)
      if (!slices || (f & 1U) == 0) kinds.push_back(f);
  }
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
