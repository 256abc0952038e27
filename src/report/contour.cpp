#include "contour.h"

#include <algorithm>
#include <array>
#include <limits>
#include <unordered_map>

namespace nnunet {
namespace {

/// The edge between a pixel and its right (0) or lower (1) neighbour, on a grid with a margin of one pixel.
using Edge = std::int64_t;

struct Tracer {
  const ClassSlice& slice;
  int value;
  double reach;
  std::unordered_map<Edge, Edge> next{};

  Edge edge(std::int64_t x, std::int64_t y, int direction) const {
    return ((y + 1) * (slice.width + 2) + x + 1) * 2 + direction;
  }

  /// Joins the edges of the cell between four pixels' centres so that the class lies on the right hand of the way.
  void add_cell(std::int64_t x, std::int64_t y) {
    const bool a = slice.is(x, y, value), b = slice.is(x + 1, y, value), c = slice.is(x + 1, y + 1, value),
               d = slice.is(x, y + 1, value);
    const int code = (a ? 1 : 0) + (b ? 2 : 0) + (c ? 4 : 0) + (d ? 8 : 0);
    const Edge top = edge(x, y, 0), right = edge(x + 1, y, 1), bottom = edge(x, y + 1, 0), left = edge(x, y, 1);
    switch (code) {
      case 1:
        next[top] = left;
        break;
      case 2:
        next[right] = top;
        break;
      case 3:
        next[right] = left;
        break;
      case 4:
        next[bottom] = right;
        break;
      case 5:
        next[top] = left;
        next[bottom] = right;
        break;  // touching corners stay apart
      case 6:
        next[bottom] = top;
        break;
      case 7:
        next[bottom] = left;
        break;
      case 8:
        next[left] = bottom;
        break;
      case 9:
        next[top] = bottom;
        break;
      case 10:
        next[right] = top;
        next[left] = bottom;
        break;
      case 11:
        next[right] = bottom;
        break;
      case 12:
        next[left] = right;
        break;
      case 13:
        next[top] = right;
        break;
      case 14:
        next[left] = top;
        break;
      default:
        break;
    }
  }

  ContourPoint point(Edge e) const {
    const std::int64_t pixel = e / 2, x = pixel % (slice.width + 2) - 1, y = pixel / (slice.width + 2) - 1;
    const double part = slice.is(x, y, value) ? reach : 1 - reach;
    return e % 2 == 0 ? ContourPoint{static_cast<double>(x) + part, static_cast<double>(y)}
                      : ContourPoint{static_cast<double>(x), static_cast<double>(y) + part};
  }
};

/// x and y of the first and last pixel of the class; empty when first > last.
struct Bounds {
  std::int64_t x0 = std::numeric_limits<std::int64_t>::max(), y0 = x0, x1 = -1, y1 = -1;
};

Bounds bounds_of(const ClassSlice& slice, int value) {
  Bounds bounds;
  for (std::int64_t y = 0; y < slice.height; ++y)
    for (std::int64_t x = 0; x < slice.width; ++x)
      if (slice.is(x, y, value))
        bounds = {std::min(bounds.x0, x), std::min(bounds.y0, y), std::max(bounds.x1, x), std::max(bounds.y1, y)};
  return bounds;
}

}  // namespace

std::vector<std::vector<ContourPoint>> outlines(const ClassSlice& slice, int value, double reach) {
  Tracer tracer{slice, value, reach};
  const Bounds bounds = bounds_of(slice, value);
  for (std::int64_t y = bounds.y0 - 1; y <= bounds.y1; ++y)
    for (std::int64_t x = bounds.x0 - 1; x <= bounds.x1; ++x) tracer.add_cell(x, y);
  std::vector<std::vector<ContourPoint>> loops;
  while (!tracer.next.empty()) {
    std::vector<ContourPoint> loop;
    for (auto step = tracer.next.begin(); step != tracer.next.end();) {
      const Edge to = step->second;
      loop.push_back(tracer.point(step->first));
      tracer.next.erase(step);
      step = tracer.next.find(to);
    }
    loops.push_back(std::move(loop));
  }
  return loops;
}

}  // namespace nnunet
