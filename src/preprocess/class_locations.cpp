#include "nnunet/preprocess/class_locations.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "nnunet/core/error.h"
#include "nnunet/preprocess/numpy_random.h"

namespace nnunet {

namespace {

using Places = std::map<int, std::vector<std::uint32_t>>;  // places of each label in the array, ascending

Places places_of(const Array<std::int16_t>& label, const std::vector<std::vector<int>>& requests) {
  Places places;
  for (const auto& request : requests)
    for (const int l : request) places[l];
  int known = std::numeric_limits<int>::min();
  std::vector<std::uint32_t>* of_known = nullptr;
  for (std::size_t i = 0; i < label.values.size(); ++i) {
    const int l = label.values[i];
    if (l != known) {  // runs of a label are long
      const auto found = places.find(l);
      of_known = found == places.end() ? nullptr : &found->second;
      known = l;
    }
    if (of_known != nullptr) of_known->push_back(static_cast<std::uint32_t>(i));
  }
  return places;
}

std::size_t draws_of(std::size_t total) {
  constexpr std::size_t least = 10000;
  const auto share = static_cast<std::size_t>(std::ceil(static_cast<double>(total) * 0.01));
  return std::max(std::min(least, total), share);
}

}  // namespace

std::vector<std::vector<int>> location_requests(const LabelSpec& labels) {
  std::vector<std::vector<int>> requests;
  std::set<int> all;
  for (const LabelEntry& entry : labels.entries) all.insert(entry.values.begin(), entry.values.end());
  if (labels.decision == LabelDecision::sigmoid) {
    for (const LabelEntry& region : labels.regions()) requests.push_back(region.values);
  } else {
    for (const int l : all)
      if (l != 0) requests.push_back({l});
  }
  if (!labels.ignore) return requests;
  requests.push_back({-1});
  requests.back().insert(requests.back().end(), all.begin(), all.end());
  return requests;
}

std::vector<ClassLocations> draw_class_locations(const Array<std::int16_t>& label,
                                                 const std::vector<std::vector<int>>& requests, std::uint32_t seed) {
  if (label.values.size() > std::numeric_limits<std::uint32_t>::max())
    throw Error("class locations", "the label map has more than 4 billion voxels", "use a coarser spacing");
  const Places places = places_of(label, requests);
  const Shape3 shape = label.spatial();
  NumpyRandom random(seed);
  std::vector<ClassLocations> result;
  for (const auto& request : requests) {
    ClassLocations& made = result.emplace_back(ClassLocations{request, {}});
    std::vector<std::uint32_t> joined;
    for (const int l : request) joined.insert(joined.end(), places.at(l).begin(), places.at(l).end());
    if (joined.empty()) continue;
    std::vector<std::uint32_t> drawn = random.permutation(static_cast<std::uint32_t>(joined.size()));
    drawn.resize(draws_of(joined.size()));
    for (const std::uint32_t d : drawn) {
      const std::int64_t place = joined[d];
      made.voxels.push_back({place / (shape[1] * shape[2]), place / shape[2] % shape[1], place % shape[2]});
    }
  }
  return result;
}

}  // namespace nnunet
