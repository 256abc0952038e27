#include <limits>

#include "nnunet/core/error.h"
#include "nnunet/v2/evaluation.h"

namespace nnunet::v2 {
namespace {

constexpr std::size_t kLabels = 65536;

/// The labels that occur, numbered from 0 on.
struct Present {
  std::vector<std::uint16_t> labels, number_of;

  Present(const Array<std::uint16_t>& a, const Array<std::uint16_t>& b) : number_of(kLabels, 0) {
    std::vector<std::uint8_t> seen(kLabels, 0);
    for (const Array<std::uint16_t>* const map : {&a, &b})
      for (const std::uint16_t label : map->values) seen[label] = 1;
    for (std::size_t label = 0; label < kLabels; ++label) {
      if (seen[label] == 0) continue;
      number_of[label] = static_cast<std::uint16_t>(labels.size());
      labels.push_back(static_cast<std::uint16_t>(label));
    }
  }
};

/// How often each pair of (reference, prediction) occurs, as a square table.
std::vector<std::int64_t> count_pairs(const Array<std::uint16_t>& reference, const Array<std::uint16_t>& prediction,
                                      const Present& present) {
  const std::size_t n = present.labels.size(), voxels = reference.values.size();
  std::vector<std::int64_t> pairs(n * n, 0);
  // Neighbours mostly agree: whole runs are counted at once.
  for (std::size_t at = 0; at < voxels;) {
    const std::uint16_t a = reference.values[at], b = prediction.values[at];
    std::size_t end = at + 1;
    while (end < voxels && reference.values[end] == a && prediction.values[end] == b) ++end;
    pairs[present.number_of[a] * n + present.number_of[b]] += static_cast<std::int64_t>(end - at);
    at = end;
  }
  return pairs;
}

std::vector<std::uint8_t> members(const LabelOrRegion& of, const Present& present) {
  std::vector<std::uint8_t> inside(present.labels.size(), 0);
  for (std::size_t i = 0; i < inside.size(); ++i)
    for (const int value : of.values) inside[i] = inside[i] != 0 || value == present.labels[i];
  return inside;
}

}  // namespace

double Counts::dice() const {
  if (tp + fp + fn == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(2 * tp) / static_cast<double>(2 * tp + fp + fn);
}

double Counts::iou() const {
  if (tp + fp + fn == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(tp) / static_cast<double>(tp + fp + fn);
}

std::vector<Counts> compare_label_maps(const Array<std::uint16_t>& reference, const Array<std::uint16_t>& prediction,
                                       const std::vector<LabelOrRegion>& labels, std::optional<int> ignore) {
  if (reference.shape != prediction.shape)
    throw Error("", "the prediction has " + shape_text(prediction.shape) + " voxels, the reference " +
                        shape_text(reference.shape));
  const Present present(reference, prediction);
  const std::size_t n = present.labels.size();
  const std::vector<std::int64_t> pairs = count_pairs(reference, prediction, present);
  std::vector<Counts> result;
  for (const LabelOrRegion& label : labels) {
    const std::vector<std::uint8_t> inside = members(label, present);
    Counts counts;
    for (std::size_t r = 0; r < n; ++r) {
      if (ignore && present.labels[r] == *ignore) continue;
      for (std::size_t p = 0; p < n; ++p) {
        std::int64_t& count =
            inside[r] != 0 ? (inside[p] != 0 ? counts.tp : counts.fn) : (inside[p] != 0 ? counts.fp : counts.tn);
        count += pairs[r * n + p];
      }
    }
    result.push_back(counts);
  }
  return result;
}

}  // namespace nnunet::v2
