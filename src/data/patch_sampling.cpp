#include "nnunet/data/patch_sampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <span>

#include "nnunet/core/error.h"

namespace nnunet {
namespace {

constexpr double kAnisotropic = 3;  // largest size of a 3D patch over the first: beyond, planes are transformed alone
constexpr double kElongated = 1.5;  // of a 2D patch: beyond, it is rotated less
constexpr double kPi = std::numbers::pi;

double degrees(double angle) {
  return angle / 360 * 2. * kPi;  // in this order: sizes are truncated
}

/// |a R| for a row vector a whose entries i and j are rotated; R = [[c, upper], [-upper, c]].
void widen(std::vector<double>& most, const std::vector<double>& a, std::size_t i, std::size_t j, double cosine,
           double upper) {
  most[i] = std::max(most[i], std::abs(a[i] * cosine - a[j] * upper));
  most[j] = std::max(most[j], std::abs(a[i] * upper + a[j] * cosine));
}

std::int64_t floor_half(std::int64_t n) {
  return n >= 0 ? n / 2 : -((1 - n) / 2);
}

Shape3 anywhere(const StartRange& range, CounterRng& rng) {
  Shape3 start{};
  for (std::size_t axis = 0; axis < 3; ++axis)
    start[axis] = range.lower[axis] + rng.integer(range.upper[axis] - range.lower[axis] + 1);
  return start;
}

using Voxels = std::span<const std::array<std::int32_t, 3>>;

/// The voxels of one of the classes that are there, each class as likely.
std::optional<Voxels> draw_class(const TrainingCase& from, bool has_ignore_label, CounterRng& rng) {
  std::vector<Voxels> present;
  std::copy_if(from.locations.begin(), from.locations.end(), std::back_inserter(present),
               [](const Voxels& voxels) { return !voxels.empty(); });
  const bool annotated = has_ignore_label && !from.locations.empty() && !from.locations.back().empty();
  if (annotated && present.size() > 1) present.pop_back();  // it is no class
  if (present.empty()) return std::nullopt;
  return present[static_cast<std::size_t>(rng.integer(static_cast<std::int64_t>(present.size())))];
}

std::optional<Voxels> draw_voxels(const TrainingCase& from, const PatchPlacing& how, bool forced, CounterRng& rng) {
  if (forced) return draw_class(from, how.has_ignore_label, rng);
  if (!how.has_ignore_label || from.locations.empty() || from.locations.back().empty()) return std::nullopt;
  return from.locations.back();
}

}  // namespace

Shape3 patch_box(const std::vector<std::int64_t>& patch) {
  return patch.size() == 2 ? Shape3{1, patch[0], patch[1]} : Shape3{patch.at(0), patch.at(1), patch.at(2)};
}

RotationRule rotation_rule(const std::vector<std::int64_t>& patch, bool may_be_dummy_2d) {
  const auto [least, most] = std::minmax_element(patch.begin(), patch.end());
  const auto largest = static_cast<double>(*most);
  if (patch.size() == 2) {
    const bool elongated = largest / static_cast<double>(*least) > kElongated;
    return {degrees(elongated ? 15 : 180), false, {false, true, true}};
  }
  const bool dummy_2d = may_be_dummy_2d && largest / static_cast<double>(patch.at(0)) > kAnisotropic;
  return {degrees(dummy_2d ? 180 : 30), dummy_2d, {true, true, true}};
}

Shape3 initial_patch(const std::vector<std::int64_t>& patch, const RotationRule& rule, double room) {
  const double angle = std::min(degrees(90), rule.angle), c = std::cos(angle), s = std::sin(angle);
  const std::vector<double> a(patch.begin(), patch.end());
  std::vector<double> most = a;
  if (a.size() == 2) {
    widen(most, a, 0, 1, c, -s);
  } else {
    widen(most, a, 1, 2, c, -s);
    widen(most, a, 0, 2, c, s);
    widen(most, a, 0, 1, c, -s);
  }
  std::vector<std::int64_t> initial;
  for (const double size : most) initial.push_back(static_cast<std::int64_t>(size / room));
  if (rule.dummy_2d) initial[0] = patch[0];
  return patch_box(initial);
}

StartRange start_range(const Shape3& initial, const Shape3& final, const Shape3& volume) {
  StartRange range;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::int64_t need = std::max(initial[axis] - final[axis], initial[axis] - volume[axis]);
    range.lower[axis] = floor_half(-need);
    range.upper[axis] = volume[axis] + need / 2 + need % 2 - initial[axis];
  }
  return range;
}

Shape3 start_around(const std::array<std::int32_t, 3>& voxel, const Shape3& initial, const Shape3& lower) {
  Shape3 start{};
  for (std::size_t axis = 0; axis < 3; ++axis) start[axis] = std::max(lower[axis], voxel[axis] - initial[axis] / 2);
  return start;
}

bool is_forced(std::int64_t index, std::int64_t batch, double share) {
  return static_cast<double>(index) >= std::nearbyint(static_cast<double>(batch) * (1 - share));
}

BatchPart batch_part(std::int64_t batch, int processes, int rank, double share) {
  if (processes < 1 || rank < 0 || rank >= processes)
    throw Error("rank", fmt::format("{} of {} processes", rank, processes), "count from 0");
  if (batch < processes) {
    throw Error("batch size", fmt::format("{} patches cannot be dealt out to {} processes", batch, processes),
                "use fewer processes");
  }
  if (processes == 1) return {0, batch, share};
  const std::int64_t each = batch / processes, larger = batch % processes;
  BatchPart part{rank * each + std::min<std::int64_t>(rank, larger), each + (rank < larger ? 1 : 0), 0};
  const auto whole = static_cast<double>(batch);
  if (static_cast<double>(part.first + part.size) / whole < 1 - share) return part;
  part.forced_share = 1;
  if (static_cast<double>(part.first) / whole > 1 - share) return part;
  std::int64_t forced = 0;
  for (std::int64_t i = 0; i < part.size; ++i) forced += is_forced(part.first + i, batch, share) ? 1 : 0;
  part.forced_share = static_cast<double>(forced) / static_cast<double>(part.size);
  return part;
}

Shape3 draw_patch_start(const TrainingCase& from, const PatchPlacing& how, bool forced, CounterRng& rng) {
  const StartRange range = start_range(how.initial, how.final, from.size);
  const std::optional<Voxels> voxels = draw_voxels(from, how, forced, rng);
  if (!voxels) return anywhere(range, rng);
  const auto& voxel = (*voxels)[static_cast<std::size_t>(rng.integer(static_cast<std::int64_t>(voxels->size())))];
  return start_around(voxel, how.initial, range.lower);
}

}  // namespace nnunet
