#include "foreground.h"

#include <algorithm>
#include <cmath>

#include "nnunet/preprocess/numpy_random.h"

namespace nnunet::v2 {
namespace {

constexpr std::uint32_t kSeed = 1234;  // the same for every case

std::vector<std::size_t> foreground_places(const Array<std::uint16_t>& labels, const Box& box) {
  const Shape3 shape = labels.spatial();
  std::vector<std::size_t> places;
  for (std::int64_t z = box.start[0]; z < box.end[0]; ++z)
    for (std::int64_t y = box.start[1]; y < box.end[1]; ++y) {
      const auto row = static_cast<std::size_t>((z * shape[1] + y) * shape[2]);
      for (auto i = row + static_cast<std::size_t>(box.start[2]); i < row + static_cast<std::size_t>(box.end[2]); ++i)
        if (labels.values[i] > 0) places.push_back(i);
    }
  return places;
}

}  // namespace

std::int64_t Foreground::bytes() const {
  std::size_t entries = 0;
  for (const auto& channel : values) entries += channel.size();
  return static_cast<std::int64_t>(entries * (sizeof(float) + sizeof(std::uint32_t)));
}

bool Foreground::has_fractions() const {
  return std::ranges::any_of(values, [](const std::vector<float>& channel) {
    return std::ranges::any_of(channel, [](float value) { return value != std::trunc(value); });
  });
}

Foreground draw_foreground(const Array<float>& image, const Array<std::uint16_t>& labels, const Box& box,
                           std::size_t draws) {
  const std::vector<std::size_t> places = foreground_places(labels, box);
  Foreground result;
  NumpyRandom random(kSeed);
  for (std::int64_t c = 0; c < image.size(0); ++c) {
    const auto channel = image.slab(c);
    auto& values = result.values.emplace_back();
    values.reserve(places.size());
    for (const std::size_t place : places) values.push_back(channel[place]);
    if (draws == 0 || places.empty())
      result.times.emplace_back(places.size(), 1);
    else
      result.times.push_back(random.counts_with_replacement(places.size(), draws));
  }
  return result;
}

}  // namespace nnunet::v2
