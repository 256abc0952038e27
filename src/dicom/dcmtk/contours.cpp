#include "dicom/dcmtk/contours.h"

#include <algorithm>
#include <array>

namespace nnunet::dicom {
namespace {

enum Direction { right, down, left, up };
constexpr std::array<Corner, 4> steps{{{1, 0}, {0, 1}, {-1, 0}, {0, -1}}};

/// The place where a contour leaves a corner, and the place where it leaves the next one.
struct Node {
  Corner corner;
  std::size_t next = 0;
};

/// A contour as it is found: the mask lies on its right hand, seen with y downwards.
struct Ring {
  std::size_t first = 0;      // a node
  std::int64_t area = 0;      // twice the number of voxels; of a hole negative
  std::size_t hole_edge = 0;  // of its leftmost edges downwards the topmost: the node where it begins
};

class Tracer {
 public:
  Tracer(std::int32_t width, std::int32_t height, const std::function<bool(std::int32_t, std::int32_t)>& inside)
      : width_(width),
        height_(height),
        mask_(static_cast<std::size_t>(width + 2) * static_cast<std::size_t>(height + 2)) {
    for (std::int32_t y = 0; y < height; ++y)
      for (std::int32_t x = 0; x < width; ++x) mask_[at(x, y)] = inside(x, y);
    after_left_edge_.assign(mask_.size(), kNone);
  }

  std::vector<Contour> trace() {
    find_rings();
    join_holes();
    std::vector<Contour> contours;
    for (const Ring& ring : rings_)
      if (ring.area > 0) contours.push_back(corners(ring));
    return contours;
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  /// Of a voxel, or one around the plane.
  std::size_t at(std::int32_t x, std::int32_t y) const {
    return static_cast<std::size_t>(y + 1) * static_cast<std::size_t>(width_ + 2) + static_cast<std::size_t>(x + 1);
  }
  bool inside(std::int32_t x, std::int32_t y) const { return mask_[at(x, y)]; }

  /// Every contour has an edge upwards, the left one of a voxel.
  void find_rings() {
    for (std::int32_t y = 0; y < height_; ++y)
      for (std::int32_t x = 0; x < width_; ++x)
        if (inside(x, y) && !inside(x - 1, y) && after_left_edge_[at(x, y)] == kNone) follow({x, y + 1});
  }

  /// Walks from a corner upwards until it is there again.
  void follow(Corner start) {
    Ring ring{.first = nodes_.size(), .hole_edge = kNone};
    Corner here = start;
    Direction direction = up;
    do {
      nodes_.push_back({here, nodes_.size() + 1});
      const Corner next{here.x + steps[direction].x, here.y + steps[direction].y};
      ring.area += std::int64_t{here.x} * next.y - std::int64_t{next.x} * here.y;
      if (direction == up) after_left_edge_[at(next.x, next.y)] = nodes_.size();
      if (direction == down) note_hole_edge(ring);
      here = next;
      direction = turned(here, direction);
    } while (!(here == start && direction == up));
    nodes_.back().next = ring.first;
    if (nodes_.back().corner.y > start.y) after_left_edge_[at(start.x, start.y)] = ring.first;
    rings_.push_back(ring);
  }

  /// The newest node begins an edge downwards.
  void note_hole_edge(Ring& ring) const {
    const Corner here = nodes_.back().corner;
    if (ring.hole_edge != kNone) {
      const Corner best = nodes_[ring.hole_edge].corner;
      if (std::pair{best.x, best.y} <= std::pair{here.x, here.y}) return;
    }
    ring.hole_edge = nodes_.size() - 1;
  }

  /// Where the edge goes on: around the same voxel where it can, so that voxels which touch by a corner stay apart.
  Direction turned(Corner c, Direction d) const {
    const std::array<bool, 4> around{inside(c.x, c.y - 1), inside(c.x, c.y), inside(c.x - 1, c.y),
                                     inside(c.x - 1, c.y - 1)};  // clockwise from the upper right one
    const bool ahead_right = around[(static_cast<std::size_t>(d) + 1) % 4],
               ahead_left = around[static_cast<std::size_t>(d)];
    const int turn = !ahead_right ? 1 : !ahead_left ? 0 : 3;
    return static_cast<Direction>((d + turn) % 4);
  }

  /// From left to right: what lies left of a hole is then part of the outer contour already.
  void join_holes() {
    std::vector<std::size_t> holes;
    for (const Ring& ring : rings_)
      if (ring.area < 0) holes.push_back(ring.hole_edge);
    std::ranges::sort(holes, {}, [&](std::size_t node) {
      return std::pair{nodes_[node].corner.x, nodes_[node].corner.y};
    });
    for (const std::size_t hole : holes) join(hole);
  }

  /// The keyhole goes along the upper edges of the voxels left of the hole, to the first one of their row.
  void join(std::size_t hole) {
    const Corner end = nodes_[hole].corner;
    std::int32_t x = end.x - 1;
    while (inside(x - 1, end.y)) --x;
    const std::size_t outer = after_left_edge_[at(x, end.y)];
    const std::size_t back = nodes_.size();
    nodes_.push_back({nodes_[outer].corner, nodes_[outer].next});
    nodes_.push_back({end, back});
    std::size_t last = hole;
    while (nodes_[last].next != hole) last = nodes_[last].next;
    nodes_[last].next = back + 1;
    nodes_[outer].next = hole;
  }

  Contour corners(const Ring& ring) const {
    Contour all;
    std::size_t node = ring.first;
    do {
      all.push_back(nodes_[node].corner);
      node = nodes_[node].next;
    } while (node != ring.first);
    const auto direction = [&](std::size_t i) {
      const Corner& a = all[i];
      const Corner& b = all[(i + 1) % all.size()];
      const auto sign = [](std::int32_t d) { return (d > 0) - (d < 0); };
      return std::pair{sign(b.x - a.x), sign(b.y - a.y)};
    };
    Contour contour;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (direction(i) != direction((i + all.size() - 1) % all.size())) contour.push_back(all[i]);
    return contour;
  }

  std::int32_t width_, height_;
  std::vector<bool> mask_;                    // with a border of voxels that are not inside
  std::vector<std::size_t> after_left_edge_;  // by voxel: the node at the upper end of its left edge
  std::vector<Node> nodes_;
  std::vector<Ring> rings_;
};

}  // namespace

std::vector<Contour> trace_contours(std::int32_t width, std::int32_t height,
                                    const std::function<bool(std::int32_t, std::int32_t)>& inside) {
  return Tracer(width, height, inside).trace();
}

}  // namespace nnunet::dicom
