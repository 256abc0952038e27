#include "phantom_scene.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace nnunet {
namespace {

constexpr double kDegree = std::numbers::pi / 180;

double uniform(CounterRng& rng, double low, double high) {
  return low + (high - low) * static_cast<double>(rng.uniform());
}

double dot(const Point& a, const Point& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
Point minus(const Point& a, const Point& b) {
  return {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
}

Frame multiply(const Frame& a, const Frame& b) {
  Frame product{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) product[i][j] = a[i][0] * b[0][j] + a[i][1] * b[1][j] + a[i][2] * b[2][j];
  }
  return product;
}

// Turned about each axis by up to so many degrees.
Frame random_frame(CounterRng& rng, double degrees) {
  Frame frame = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double angle = kDegree * uniform(rng, -degrees, degrees);
    const std::size_t i = (axis + 1) % 3, j = (axis + 2) % 3;
    Frame turn = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    turn[i][i] = turn[j][j] = std::cos(angle);
    turn[i][j] = std::sin(angle);
    turn[j][i] = -std::sin(angle);
    frame = multiply(turn, frame);
  }
  return frame;
}

Point jittered(CounterRng& rng, const Point& point, double reach) {
  return {point[0] + uniform(rng, -reach, reach), point[1] + uniform(rng, -reach, reach),
          point[2] + uniform(rng, -reach, reach)};
}

Point scaled(CounterRng& rng, const Point& radii, double low, double high) {
  return {radii[0] * uniform(rng, low, high), radii[1] * uniform(rng, low, high), radii[2] * uniform(rng, low, high)};
}

// Brightness before bias field and noise. Organ 1 and its like, organs 2 and 3 and their like.
constexpr double kTissue = 0.30, kGrey = 0.58, kBright = 0.88;

}  // namespace

double PhantomScene::Ellipsoid::depth(const Point& point) const {
  const Point from = minus(point, centre);
  double sum = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double x = dot(frame[axis], from) / radii[axis];
    sum += x * x;
  }
  return std::sqrt(sum);
}

double PhantomScene::Tube::depth(const Point& point) const {
  double nearest = 1e30;
  for (const Point& on_spine : spine) {
    const Point from = minus(point, on_spine);
    nearest = std::min(nearest, dot(from, from));
  }
  return std::sqrt(nearest) / radius;
}

PhantomScene::PhantomScene(CounterRng& rng)
    : pose_(random_frame(rng, 12)),
      shift_(jittered(rng, {0, 0, 0}, 1.5)),
      scale_(uniform(rng, 0.93, 1.07)),
      rind_(kBright + uniform(rng, -0.08, 0.08)),
      tissue_(kTissue + uniform(rng, -0.04, 0.04)) {
  body_ = {{0, 0, 0}, scaled(rng, {20, 24, 18.5}, 0.96, 1.04), random_frame(rng, 0), 0, 0};
  place_organs(rng);
  place_blobs(rng);
  for (int i = 0; i < 6; ++i) {
    waves_.push_back({jittered(rng, {0, 0, 0}, 0.6), uniform(rng, 0, 2 * std::numbers::pi), uniform(rng, 0.005, 0.02)});
  }
}

void PhantomScene::place_organs(CounterRng& rng) {
  const auto organ = [&](const Point& centre, const Point& radii, double brightness, std::uint8_t label) {
    organs_.push_back({jittered(rng, centre, 1.2), scaled(rng, radii, 0.88, 1.12), random_frame(rng, 30),
                       brightness + uniform(rng, -0.06, 0.06), label});
  };
  organ({0, -11, -3}, {10.5, 6.5, 8}, kGrey, 1);
  organ({-6, 10, 7}, {5, 7, 5.5}, kBright, 2);

  // Clear of the rind, which is as bright.
  const Point a = jittered(rng, {11, 3, -5}, 1.5), b = jittered(rng, {3, 20, -9}, 2);
  const Point c = jittered(rng, {-10, 3, -6}, 1.5);
  tube_.radius = uniform(rng, 3.4, 4.2);
  tube_.brightness = kBright + uniform(rng, -0.06, 0.06);
  constexpr int kSteps = 48;
  for (int i = 0; i <= kSteps; ++i) {
    const double t = static_cast<double>(i) / kSteps, s = 1 - t;
    Point on{};
    for (std::size_t axis = 0; axis < 3; ++axis) on[axis] = s * s * a[axis] + 2 * s * t * b[axis] + t * t * c[axis];
    tube_.spine.push_back(on);
  }
}

bool PhantomScene::near_organ(const Point& point, double reach) const {
  // Radii of at least 4 mm: a margin in mm becomes at most that of the smallest.
  const double margin = 1 + reach / 4;
  return tube_.depth(point) < margin ||
         std::any_of(organs_.begin(), organs_.end(), [&](const Ellipsoid& o) { return o.depth(point) < margin; });
}

void PhantomScene::place_blobs(CounterRng& rng) {
  for (int attempt = 0; attempt < 200 && blobs_.size() < 9; ++attempt) {
    const Point radii = scaled(rng, {2.6, 2.6, 2.6}, 0.6, 1.3);
    Ellipsoid blob{jittered(rng, {0, 0, 0}, 20), radii, random_frame(rng, 90), 0, 0};
    blob.brightness = (blobs_.size() % 3 == 0 ? kGrey : kBright) + uniform(rng, -0.08, 0.08);
    const double reach = *std::max_element(radii.begin(), radii.end()) + 1;
    if (body_.depth(blob.centre) < 0.75 && !near_organ(blob.centre, reach)) blobs_.push_back(blob);
  }
}

double PhantomScene::texture(const Point& point) const {
  double sum = 0;
  for (const Wave& wave : waves_) sum += wave.amplitude * std::sin(dot(wave.direction, point) + wave.phase);
  return sum;
}

Tissue PhantomScene::at(const Point& world) const {
  const Point moved = minus(world, shift_);
  const Point point = {dot(pose_[0], moved) / scale_, dot(pose_[1], moved) / scale_, dot(pose_[2], moved) / scale_};
  const double depth = body_.depth(point);
  if (depth >= 1) return {};
  const double rough = texture(point);
  for (const Ellipsoid& organ : organs_) {
    if (organ.depth(point) < 1) return {organ.brightness + rough, organ.label};
  }
  if (tube_.depth(point) < 1) return {tube_.brightness + rough, 3};
  for (const Ellipsoid& blob : blobs_) {
    if (blob.depth(point) < 1) return {blob.brightness + rough, 0};
  }
  return {(depth > 0.93 ? rind_ : tissue_) + rough, 0};
}

}  // namespace nnunet
