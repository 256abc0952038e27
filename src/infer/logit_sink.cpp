#include "nnunet/infer/logit_sink.h"

#include <algorithm>
#include <vector>

#include "half_kernels.h"
#include "nnunet/core/error.h"
#include "nnunet/core/parallel.h"
#include "nnunet/eval/argmax.h"
#include "nnunet/infer/sliding_window.h"

namespace nnunet {
namespace {

/// body(z, y) for the finished lines, on all cores.
template <class Body>
void for_lines(const FinishedLogits& l, const Body& body) {
  const std::int64_t height = l.y_end - l.y_begin, lines = (l.z_end - l.z_begin) * height;
  const std::int64_t grain = std::max<std::int64_t>(1, 32768 / (l.classes * l.shape[2]));
  parallel_ranges(lines, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) body(l.z_begin + i / height, l.y_begin + i % height);
  });
}

/// The line in float32: where it lies, or widened into `room`.
const float* float_line(const FinishedLogits& l, std::int64_t z, std::int64_t y, std::vector<float>& room) {
  if (l.type == SumType::fp32) return l.line(z, y);
  room.resize(static_cast<std::size_t>((l.classes - 1) * l.class_stride + l.shape[2]));
  widen_halves(l.half_line(z, y), room.data(), static_cast<std::int64_t>(room.size()));
  return room.data();
}

}  // namespace

void LabelSink::begin(std::int64_t classes, const Shape3& shape) {
  if (classes > 256) throw Error("labels", "there are more than 256 classes", "a label map holds classes 0 to 255");
  labels_ = Array<std::uint8_t>({shape[0], shape[1], shape[2]});
}

void LabelSink::take(const FinishedLogits& l) {
  const std::int64_t width = l.shape[2];
  for_lines(l, [&](std::int64_t z, std::int64_t y) {
    std::uint8_t* to = labels_.data() + (z * l.shape[1] + y) * width;
    std::vector<float> room;
    argmax_classes(float_line(l, z, y, room), l.classes, static_cast<std::size_t>(l.class_stride),
                   {to, static_cast<std::size_t>(width)});
  });
}

void LogitVolume::begin(std::int64_t classes, const Shape3& shape) {
  logits_ = Array<float>({classes, shape[0], shape[1], shape[2]});
}

void LogitVolume::take(const FinishedLogits& l) {
  float* to = logits_.data();
  for_lines(l, [&](std::int64_t z, std::int64_t y) {
    std::vector<float> room;
    const float* line = float_line(l, z, y, room);
    for (std::int64_t k = 0; k < l.classes; ++k)
      std::copy_n(line + k * l.class_stride, l.shape[2], to + ((k * l.shape[0] + z) * l.shape[1] + y) * l.shape[2]);
  });
}

}  // namespace nnunet
