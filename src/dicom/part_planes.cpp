#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "part_geometry.h"
#include "planes.h"
#include "trait_text.h"

// Which planes of a series make a volume together is never guessed: it is what the files say (Trait), all of it at
// once, and the outcome counts only where every part is a volume and no two parts would be one.
namespace nnunet::dicom {

namespace {

using Planes = FoundSeries::Planes;
using Order = std::vector<PlaneIndex>;

/// What an acquisition is, rather than when it was: planes that differ in one of these are of different volumes.
constexpr auto kKinds = std::to_array<Trait>(
    {Trait::stack, Trait::temporal_position, Trait::contrast, Trait::echo_number, Trait::echo_time,
     Trait::inversion_time, Trait::flip_angle, Trait::b_value, Trait::gradient, Trait::image_type, Trait::component,
     Trait::energy_window, Trait::detector, Trait::phase, Trait::interval, Trait::time_slot});
/// These may differ from plane to plane of one volume, so each is tried by itself, after the others.
constexpr auto kTimes = std::to_array<Trait>({Trait::acquisition, Trait::trigger_time, Trait::reference_time,
                                              Trait::repetition_time, Trait::acquisition_moment});
/// Where every plane has a time of its own, the k-th time at each place is the k-th volume.
constexpr auto kClocks =
    std::to_array<Trait>({Trait::trigger_time, Trait::reference_time, Trait::acquisition, Trait::acquisition_moment});

/// One of the things that parts are told apart by, and its values: those of the parts' keys in the same place.
struct Column {
  enum class Kind { direction, frame_of_reference, trait, count } kind = Kind::trait;
  Trait trait{};  ///< count: the one whose times are counted
};

using Key = std::vector<TraitValue>;

/// The planes that make one volume, if any parting by the columns does.
struct Group {
  Key key;
  Order planes;
};

/// Planes parted by some of what their files say.
class Attempt {
 public:
  Attempt(const std::shared_ptr<const Planes::Files>& files, const std::vector<Order>& directions,
          std::span<const Trait> traits, std::optional<Trait> clock)
      : files_(files), geometry_(files) {
    columns_ = {{Column::Kind::direction, {}}, {Column::Kind::frame_of_reference, {}}};
    for (const Trait trait : traits) columns_.push_back({Column::Kind::trait, trait});
    std::map<Key, Order, std::less<>> groups;
    for (std::size_t d = 0; d < directions.size(); ++d)
      for (const PlaneIndex& i : directions[d]) groups[key_of(d, i)].push_back(i);
    for (auto& [key, planes] : groups) groups_.push_back({key, std::move(planes)});
    if (clock && !count(*clock)) groups_.clear();
    keep_telling_columns();
  }

  bool tells() const { return groups_.size() > 1; }
  bool is_volumes() { return stack_all() && differ(); }
  /// Of is_volumes.
  const std::string& why_not() const { return why_not_; }
  std::vector<Part> parts() const {
    std::vector<Part> all;
    for (const Group& group : groups_) all.push_back({group.planes, text_of(group)});
    return all;
  }

 private:
  const Instance& instance(const PlaneIndex& i) const { return files_->instances[i.instance]; }
  const Plane& plane(const PlaneIndex& i) const { return instance(i).planes[i.plane]; }

  TraitValue value_of(Trait trait, const PlaneIndex& i) const {
    const auto& traits = plane(i).traits;
    const auto found = traits.find(trait);
    return found == traits.end() ? TraitValue{} : found->second;
  }

  Key key_of(std::size_t direction, const PlaneIndex& i) const {
    Key key{{{static_cast<double>(direction)}, {}}, {{}, instance(i).frame_of_reference_uid}};
    for (const Column& column : columns_)
      if (column.kind == Column::Kind::trait) key.push_back(value_of(column.trait, i));
    return key;
  }

  /// Parts each group by the order of the clock at each place. False where places have no times, equal ones, or
  /// another number of them than others.
  bool count(Trait clock) {
    std::vector<Group> counted;
    for (Group& group : groups_) {
      const std::vector<Order> times = times_of(group.planes, clock);
      if (times.empty()) return false;
      for (const Order& planes : times) {
        if (planes.size() != times.front().size()) return false;
        Key key = group.key;
        key.push_back({{static_cast<double>(&planes - times.data()) + 1}, {}});
        counted.push_back({std::move(key), planes});
      }
    }
    columns_.push_back({Column::Kind::count, clock});
    groups_ = std::move(counted);
    return true;
  }

  /// The first, second, .. planes in time at each place. None where some have no time, or the same one.
  std::vector<Order> times_of(Order planes, Trait clock) const {
    geometry_.sort(planes);
    std::vector<Order> times;
    for (auto begin = planes.begin(); begin != planes.end();) {
      const auto end = std::find_if(begin, planes.end(), [&](const PlaneIndex& i) {
        return geometry_.along(i) - geometry_.along(*begin) >= kSamePlace;
      });
      const auto time = [&](const PlaneIndex& i) { return value_of(clock, i); };
      std::ranges::stable_sort(begin, end, std::less<>(), time);
      if (time(*begin) == TraitValue{} || std::ranges::adjacent_find(begin, end, {}, time) != end) return {};
      times.resize(std::max(times.size(), static_cast<std::size_t>(end - begin)));
      for (auto i = begin; i != end; ++i) times[static_cast<std::size_t>(i - begin)].push_back(*i);
      begin = end;
    }
    return times;
  }

  /// Those that tell groups apart which those before them do not.
  void keep_telling_columns() {
    std::size_t told = 1;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      telling_.push_back(c);
      std::set<Key, std::less<>> keys;
      for (const Group& group : groups_) keys.insert(told_key(group));
      if (keys.size() <= told) telling_.pop_back();
      told = std::max(told, keys.size());
    }
  }

  Key told_key(const Group& group) const {
    Key key;
    for (const std::size_t c : telling_) key.push_back(group.key[c]);
    return key;
  }

  bool stack_all() {
    for (Group& group : groups_) {
      if (const std::string problem = geometry_.why_no_volume(group.planes); !problem.empty()) {
        why_not_ = fmt::format("by {} one of them would be no volume ({})", columns_text(), problem);
        return false;
      }
      geometry_.sort(group.planes);
    }
    return true;
  }

  bool differ() {
    for (std::size_t a = 0; a < groups_.size(); ++a)
      for (std::size_t b = a + 1; b < groups_.size(); ++b) {
        if (groups_[a].key[0] != groups_[b].key[0]) continue;  // of other directions
        const std::string problem = geometry_.why_not_two(groups_[a].planes, groups_[b].planes);
        if (problem.empty()) continue;
        why_not_ = fmt::format("by {} {}", columns_text(), problem);
        return false;
      }
    return true;
  }

  std::string columns_text() const {
    std::string text;
    for (const std::size_t c : telling_) {
      const Column& column = columns_[c];
      text += text.empty() ? "" : ", ";
      text += column.kind == Column::Kind::direction            ? "direction"
              : column.kind == Column::Kind::frame_of_reference ? "frame of reference"
                                                                : trait_name(column.trait);
    }
    return text;
  }

  std::string text_of(const Group& group) const {
    std::string text;
    for (const std::size_t c : telling_) text += (text.empty() ? "" : ", ") + text_of(group, c);
    return text;
  }

  std::string text_of(const Group& group, std::size_t c) const {
    const TraitValue& value = group.key[c];
    const Trait trait = columns_[c].trait;
    switch (columns_[c].kind) {
      case Column::Kind::direction:
        return fmt::format("direction {}, {}", value.numbers.front() + 1, geometry_.direction(group.planes.front()));
      case Column::Kind::frame_of_reference:
        return fmt::format("frame of reference {}", rank_of(c, value));
      case Column::Kind::count:
        return fmt::format("time {} by {}", value.numbers.front(), trait_name(trait));
      case Column::Kind::trait:
        break;
    }
    if (trait == Trait::acquisition_moment) return fmt::format("time {} by {}", rank_of(c, value), trait_name(trait));
    return trait_text(trait, value);
  }

  /// From 1, among all groups' values.
  std::size_t rank_of(std::size_t c, const TraitValue& value) const {
    std::set<TraitValue, std::less<>> all;
    for (const Group& group : groups_) all.insert(group.key[c]);
    return static_cast<std::size_t>(std::distance(all.begin(), all.find(value))) + 1;
  }

  std::shared_ptr<const Planes::Files> files_;
  PartGeometry geometry_;
  std::vector<Column> columns_;       ///< of the groups' keys
  std::vector<std::size_t> telling_;  ///< of the columns
  std::vector<Group> groups_;         ///< in order of their keys
  std::string why_not_;
};

}  // namespace

Parting part_planes(const std::shared_ptr<const Planes::Files>& files, const std::vector<Order>& directions,
                    Misfit misfit) {
  Parting result;
  const auto try_one = [&](std::vector<Trait> traits, std::optional<Trait> clock = std::nullopt) {
    Attempt attempt(files, directions, traits, clock);
    if (!attempt.tells()) return false;
    if (attempt.is_volumes()) {
      result = {attempt.parts(), {}};
      return true;
    }
    if (result.why_not.empty()) result.why_not = attempt.why_not();
    return false;
  };
  const std::vector<Trait> kinds(kKinds.begin(), kKinds.end());
  const auto kinds_and = [&](Trait trait) {
    std::vector<Trait> traits = kinds;
    traits.push_back(trait);
    return traits;
  };
  if (try_one(kinds) || try_one(kinds_and(Trait::dimensions))) return result;
  // Planes that are missing are missing: that the parts before and after were taken at other times makes no volumes.
  if (misfit != Misfit::doubled && directions.size() == 1) return result;
  for (const Trait time : kTimes)
    if (try_one(kinds_and(time))) return result;
  for (const Trait clock : kClocks)
    if (try_one(kinds, clock)) return result;
  return result;
}

}  // namespace nnunet::dicom
