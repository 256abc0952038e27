#include "nnunet/preprocess/class_locations.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "nnunet/core/error.h"
#include "nnunet/preprocess/numpy_random.h"

namespace nnunet {

namespace {

using Places = std::map<int, std::vector<std::uint32_t>>;  // places of each label in the array, ascending

/// Calls body(label, first, last) for each run of voxels [first, last) of one label: runs are long.
template <class Body>
void for_each_run(const std::vector<std::int16_t>& labels, const Body& body) {
  for (std::size_t first = 0; first < labels.size();) {
    std::size_t last = first + 1;
    while (last < labels.size() && labels[last] == labels[first]) ++last;
    body(labels[first], first, last);
    first = last;
  }
}

Places places_of(const Array<std::int16_t>& label, const std::vector<std::vector<int>>& requests) {
  std::map<int, std::size_t> counts;
  for (const auto& request : requests)
    for (const int l : request) counts[l] = 0;
  for_each_run(label.values, [&](int l, std::size_t first, std::size_t last) {
    if (const auto found = counts.find(l); found != counts.end()) found->second += last - first;
  });
  Places places;
  for (const auto& [l, count] : counts) places[l].reserve(count);
  for_each_run(label.values, [&](int l, std::size_t first, std::size_t last) {
    const auto found = places.find(l);
    if (found == places.end()) return;
    for (std::size_t i = first; i < last; ++i) found->second.push_back(static_cast<std::uint32_t>(i));
  });
  return places;
}

/// The first `count` entries of a permutation of 0 .. n - 1. Few of the entries that the shuffle swaps end there, so
/// all its swaps are drawn first, and then gone through from the last to the first with an eye on these places only.
std::vector<std::uint32_t> leading_permutation(NumpyRandom& random, std::uint32_t n, std::size_t count) {
  std::vector<std::uint32_t> other(
      n);  // whom entry i is swapped with; once that is done, which of the entries it holds
  for (std::size_t i = n; i-- > 1;) other[i] = static_cast<std::uint32_t>(random.below(i + 1));
  std::vector<bool> followed(n);  // places that hold one of the entries
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t j = other[i];
    if (i < count) {
      other[i] = static_cast<std::uint32_t>(i);
      std::swap(other[i], other[j]);
      followed[i] = true;
    } else if (followed[j]) {
      other[i] = other[j];
      followed[j] = false;
      followed[i] = true;
    }
  }
  std::vector<std::uint32_t> result(count);
  for (std::size_t i = 0; i < n; ++i)
    if (followed[i]) result[other[i]] = static_cast<std::uint32_t>(i);
  return result;
}

/// Entry i of the places of several labels, one after the other.
std::int64_t joined_place(const std::vector<const std::vector<std::uint32_t>*>& of_labels, std::size_t i) {
  std::size_t label = 0;
  while (i >= of_labels[label]->size()) i -= of_labels[label++]->size();
  return (*of_labels[label])[i];
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

std::int64_t class_locations_memory(const Shape3& shape) {
  // Places of all voxels and the swaps of a request that has them all, a bit each, and a hundredth of them drawn.
  constexpr double bytes = 4 + 4 + 0.125 + 0.01 * 24;
  return static_cast<std::int64_t>(bytes * static_cast<double>(volume(shape)));
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
    std::vector<const std::vector<std::uint32_t>*> of_labels;
    std::size_t total = 0;
    for (const int l : request) {
      of_labels.push_back(&places.at(l));
      total += of_labels.back()->size();
    }
    if (total == 0) continue;
    made.voxels.reserve(draws_of(total));
    for (const std::uint32_t d : leading_permutation(random, static_cast<std::uint32_t>(total), draws_of(total))) {
      const std::int64_t place = joined_place(of_labels, d);
      made.voxels.push_back({place / (shape[1] * shape[2]), place / shape[2] % shape[1], place % shape[2]});
    }
  }
  return result;
}

}  // namespace nnunet
