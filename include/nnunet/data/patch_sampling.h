#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/core/random.h"
#include "nnunet/data/training_cases.h"

/// Which patches nnU-Net v2 trains on, and where in a case they lie (contract-v2-run, section 4). Axes are the
/// network's. A patch of a 2D network is a box of depth 1.
namespace nnunet {

/// How far patches of that size are rotated, and along which axes they are mirrored.
struct RotationRule {
  double angle = 0;                ///< radians: angles are drawn from [-angle, angle)
  bool dummy_2d = false;           ///< the first axis is so coarse that only the planes across it are transformed
  std::array<bool, 3> mirrored{};  ///< axes D, H, W
};
/// patch: (d,h,w) or (h,w). may_be_dummy_2d: false for trainers that never transform planes alone.
RotationRule rotation_rule(const std::vector<std::int64_t>& patch, bool may_be_dummy_2d = true);

/// A depth of 1 before the sizes of a 2D patch.
Shape3 patch_box(const std::vector<std::int64_t>& patch);

/// The smallest scale that initial patches leave room for: of the default trainers and of the trainers DA5.
inline constexpr double kDefaultRoom = 0.85, kDa5Room = 0.7;

/// Size of the box that a patch is transformed from, so that its corners seldom reach beyond. patch: (d,h,w) or (h,w).
Shape3 initial_patch(const std::vector<std::int64_t>& patch, const RotationRule& rule, double room = kDefaultRoom);

/// Where initial patches may start, both ends included. Negative: before the volume.
struct StartRange {
  Shape3 lower{}, upper{};
};
/// The sizes of the initial and the final patch and of the volume.
StartRange start_range(const Shape3& initial, const Shape3& final, const Shape3& volume);

/// Start of the initial patch around a voxel: not before `lower`, but as far behind as the voxel asks for.
Shape3 start_around(const std::array<std::int32_t, 3>& voxel, const Shape3& initial, const Shape3& lower);

/// Whether element `index` of a batch is centred on a foreground voxel: the last ones, round(batch (1 - share)) are
/// not (half to even).
bool is_forced(std::int64_t index, std::int64_t batch, double share);

/// One process's part of a batch: elements first .. first + size - 1, and the share of them that is forced.
struct BatchPart {
  std::int64_t first = 0, size = 0;
  double forced_share = 0;
  bool operator==(const BatchPart&) const = default;
};
/// As evenly as possible, the first ranks larger. Throws Error for fewer elements than processes.
BatchPart batch_part(std::int64_t batch, int processes, int rank, double share);

/// How patches are placed in cases.
struct PatchPlacing {
  Shape3 initial{}, final{};
  /// The dataset has an ignore label, so the last request's locations are the annotated voxels.
  bool has_ignore_label = false;
};

/// Draws the start of an initial patch. Forced: around a voxel of a class (or region) that the case has, first the
/// class, then the voxel. Not forced: anywhere within start_range, or with an ignore label around an annotated voxel.
/// Anywhere, too, where no such voxel is known.
Shape3 draw_patch_start(const TrainingCase& from, const PatchPlacing& how, bool forced, CounterRng& rng);

}  // namespace nnunet
