#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "nnunet/core/random.h"

namespace nnunet {

/// Position in the scene, mm from the body's centre (z, y, x).
using Point = std::array<double, 3>;
/// Rows are the axes of a rotated frame.
using Frame = std::array<Point, 3>;

/// What lies at a point of the scene: tissue brightness (air 0, bright tissue about 1) and class (0: background).
struct Tissue {
  double brightness = 0;
  std::uint8_t label = 0;
};

/// The anatomy of one phantom: a body with a rind, three organs, and blobs that look like pieces of them.
class PhantomScene {
 public:
  explicit PhantomScene(CounterRng& rng);
  Tissue at(const Point& point) const;

 private:
  struct Ellipsoid {
    Point centre{}, radii{};
    Frame frame{};
    double brightness = 0;
    std::uint8_t label = 0;
    /// Below 1 inside.
    double depth(const Point& point) const;
  };
  struct Tube {  // along a quadratic Bezier curve
    std::vector<Point> spine;
    double radius = 0, brightness = 0;
    double depth(const Point& point) const;  // below 1 inside
  };
  struct Wave {
    Point direction{};
    double phase = 0, amplitude = 0;
  };

  void place_organs(CounterRng& rng);
  void place_blobs(CounterRng& rng);
  bool near_organ(const Point& point, double reach) const;
  double texture(const Point& point) const;

  Frame pose_{};
  Point shift_{};
  double scale_ = 1, rind_ = 0, tissue_ = 0;
  Ellipsoid body_;
  std::vector<Ellipsoid> organs_, blobs_;
  Tube tube_;
  std::vector<Wave> waves_;
};

}  // namespace nnunet
