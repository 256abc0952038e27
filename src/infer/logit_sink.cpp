#include "nnunet/infer/logit_sink.h"

#include <algorithm>
#include <array>
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

void write_logits(const FinishedLogits& l, const ClassVolume& to) {
  const auto [class_step, z_step, y_step, x_step] = to.strides;
  for_lines(l, [&, class_step = class_step, z_step = z_step, y_step = y_step, x_step = x_step](std::int64_t z,
                                                                                               std::int64_t y) {
    std::vector<float> room;
    const float* line = float_line(l, z, y, room);
    for (std::int64_t k = 0; k < l.classes; ++k, line += l.class_stride) {
      float* const out = to.values + k * class_step + z * z_step + y * y_step;
      if (x_step == 1)
        std::copy_n(line, l.shape[2], out);
      else
        for (std::int64_t x = 0; x < l.shape[2]; ++x) out[x * x_step] = line[x];
    }
  });
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
  const std::int64_t line = l.shape[2], slice = l.shape[1] * line;
  write_logits(l, {logits_.data(), {l.shape[0] * slice, slice, line, 1}});
}

void LogitWriter::take(const FinishedLogits& l) {
  write_logits(l, to_);
}

namespace {

void pass_on_floats(const float* logits, std::int64_t classes, const Shape3& shape, LogitSink& sink) {
  const std::int64_t lines = shape[0] * shape[1];
  std::vector<const void*> places(static_cast<std::size_t>(lines));
  for (std::int64_t i = 0; i < lines; ++i) places[static_cast<std::size_t>(i)] = logits + i * shape[2];
  sink.take({classes, shape, volume(shape), 0, shape[0], 0, shape[1], places.data(), SumType::fp32});
}

/// Slice by slice: a sink looks at the last slice and the one before.
void pass_on_halves(const float* logits, std::int64_t classes, const Shape3& shape, LogitSink& sink) {
  const std::int64_t slice = shape[1] * shape[2];
  std::array<std::vector<std::uint16_t>, 2> kept;
  std::vector<const void*> places(static_cast<std::size_t>(shape[0] * shape[1]));
  for (std::int64_t z = 0; z < shape[0]; ++z) {
    std::vector<std::uint16_t>& halves = kept[static_cast<std::size_t>(z % 2)];
    halves.resize(static_cast<std::size_t>(classes * slice));
    parallel_ranges(classes, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin; k < end; ++k)
        narrow_to_halves(logits + k * volume(shape) + z * slice, halves.data() + k * slice, slice);
    });
    for (std::int64_t y = 0; y < shape[1]; ++y)
      places[static_cast<std::size_t>(z * shape[1] + y)] = halves.data() + y * shape[2];
    sink.take({classes, shape, slice, z, z + 1, 0, shape[1], places.data(), SumType::fp16});
  }
}

}  // namespace

void pass_on(const float* logits, std::int64_t classes, const Shape3& shape, SumType type, LogitSink& sink) {
  sink.begin(classes, shape);
  if (type == SumType::fp32)
    pass_on_floats(logits, classes, shape, sink);
  else
    pass_on_halves(logits, classes, shape, sink);
}

}  // namespace nnunet
