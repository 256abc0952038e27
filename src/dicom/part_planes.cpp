#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "planes.h"

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

std::string numbers_text(const std::vector<double>& numbers) {
  std::string text;
  for (const double number : numbers) text += fmt::format("{}{:.4g}", text.empty() ? "" : " ", number);
  return text;
}

/// As files have it, but nothing that a terminal or a log could stumble over.
std::string shown(const std::string& text) {
  constexpr std::size_t most = 64;
  std::string result = text.substr(0, most);
  std::ranges::replace_if(
      result, [](char c) { return c < ' ' || c > '~'; }, '?');
  return result;
}

std::string_view name_of(Trait trait) {
  switch (trait) {
    case Trait::stack:
      return "stack";
    case Trait::temporal_position:
      return "temporal position";
    case Trait::contrast:
      return "contrast agent";
    case Trait::echo_number:
      return "echo";
    case Trait::echo_time:
      return "echo time";
    case Trait::inversion_time:
      return "inversion time";
    case Trait::flip_angle:
      return "flip angle";
    case Trait::b_value:
      return "b-value";
    case Trait::gradient:
      return "gradient direction";
    case Trait::image_type:
      return "image type";
    case Trait::component:
      return "component";
    case Trait::dimensions:
      return "dimension index";
    case Trait::energy_window:
      return "energy window";
    case Trait::detector:
      return "detector";
    case Trait::phase:
      return "phase";
    case Trait::interval:
      return "R-R interval";
    case Trait::time_slot:
      return "time slot";
    case Trait::acquisition:
      return "acquisition";
    case Trait::trigger_time:
      return "trigger time";
    case Trait::reference_time:
      return "frame reference time";
    case Trait::repetition_time:
      return "repetition time";
    case Trait::acquisition_moment:
      return "acquisition time";
  }
  return "";
}

std::string_view unit_of(Trait trait) {
  switch (trait) {
    case Trait::echo_time:
    case Trait::inversion_time:
    case Trait::trigger_time:
    case Trait::reference_time:
    case Trait::repetition_time:
      return " ms";
    case Trait::flip_angle:
      return " degrees";
    case Trait::b_value:
      return " s/mm2";
    default:
      return "";
  }
}

std::string direction_text(const Plane& plane) {
  const auto& o = *plane.orientation;
  const std::array<double, 3> normal{o[1] * o[5] - o[2] * o[4], o[2] * o[3] - o[0] * o[5], o[0] * o[4] - o[1] * o[3]};
  constexpr double nearly = 0.9;
  constexpr std::array names{"sagittal", "coronal", "axial"};
  for (std::size_t i = 0; i < 3; ++i)
    if (std::abs(normal[i]) > nearly) return names[i];
  return "oblique";
}

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

class Attempt {
 public:
  Attempt(const std::shared_ptr<const Planes::Files>& files, const std::vector<Order>& directions,
          std::span<const Trait> traits, std::optional<Trait> clock)
      : files_(files) {
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

  std::array<double, 3> position(const PlaneIndex& i) const { return *plane(i).position; }

  /// How far along the normal of the group's planes, mm.
  double along(const PlaneIndex& i) const {
    const auto& o = *plane(i).orientation;
    const auto p = position(i);
    return p[0] * (o[1] * o[5] - o[2] * o[4]) + p[1] * (o[2] * o[3] - o[0] * o[5]) + p[2] * (o[0] * o[4] - o[1] * o[3]);
  }

  /// Parts each group by the order of the clock at each place. False where places have no times, equal ones, or
  /// another number of them than others.
  bool count(Trait clock) {
    std::vector<Group> counted;
    for (Group& group : groups_) {
      std::ranges::stable_sort(group.planes, [&](const PlaneIndex& a, const PlaneIndex& b) {
        const double apart = along(a) - along(b);
        return std::abs(apart) >= kSamePlace ? apart < 0 : value_of(clock, a) < value_of(clock, b);
      });
      std::vector<Order> times;
      std::size_t k = 0;
      for (std::size_t i = 0; i < group.planes.size(); ++i) {
        const PlaneIndex& now = group.planes[i];
        const TraitValue value = value_of(clock, now);
        if (value == TraitValue{}) return false;
        const bool same_place = i > 0 && along(now) - along(group.planes[i - 1]) < kSamePlace;
        if (same_place && value == value_of(clock, group.planes[i - 1])) return false;
        k = same_place ? k + 1 : 0;
        if (k == times.size()) times.emplace_back();
        times[k].push_back(now);
      }
      const std::size_t places = times.front().size();
      for (std::size_t t = 0; t < times.size(); ++t) {
        if (times[t].size() != places) return false;
        Key key = group.key;
        key.push_back({{static_cast<double>(t + 1)}, {}});
        counted.push_back({std::move(key), std::move(times[t])});
      }
    }
    columns_.push_back({Column::Kind::count, clock});
    groups_ = std::move(counted);
    return true;
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

  Misfit stack(Order order, std::string* problem = nullptr) const {
    FoundSeries trial;
    Planes planes{files_, std::move(order)};
    const Misfit misfit = stack_planes(trial, planes);
    if (problem != nullptr) *problem = trial.problem;
    return misfit;
  }

  bool stack_all() {
    for (Group& group : groups_) {
      std::string problem;
      if (stack(group.planes, &problem) != Misfit::none) {
        why_not_ = fmt::format("by {} one of them would be no volume ({})", columns_text(), problem);
        return false;
      }
      std::ranges::stable_sort(group.planes, {}, [&](const PlaneIndex& i) { return along(i); });
    }
    return true;
  }

  /// No two groups of one direction would be one volume, and those that meet anywhere meet everywhere.
  bool differ() {
    for (std::size_t a = 0; a < groups_.size(); ++a)
      for (std::size_t b = a + 1; b < groups_.size(); ++b) {
        if (groups_[a].key[0] != groups_[b].key[0]) continue;
        const Order &one = groups_[a].planes, &other = groups_[b].planes;
        if (const auto meeting = first_meeting(one, other)) {
          if (is_other_stack(one[meeting->first], other[meeting->second]) || same_places(one, other)) continue;
          why_not_ = fmt::format("by {} they would be volumes of {} and {} planes that do not cover the same places",
                                 columns_text(), one.size(), other.size());
          return false;
        }
        if (!mingle(one, other) && !are_one_volume(one, other)) continue;
        why_not_ = fmt::format("by {} one volume would be in several parts", columns_text());
        return false;
      }
    return true;
  }

  /// Indices of planes that are equally far along the normal.
  std::optional<std::pair<std::size_t, std::size_t>> first_meeting(const Order& one, const Order& other) const {
    for (std::size_t i = 0, k = 0; i < one.size() && k < other.size();) {
      const double apart = along(one[i]) - along(other[k]);
      if (std::abs(apart) < kSamePlace) return std::pair{i, k};
      ++(apart < 0 ? i : k);
    }
    return std::nullopt;
  }

  bool are_one_volume(const Order& one, const Order& other) const {
    Order both = one;
    both.insert(both.end(), other.begin(), other.end());
    return stack(std::move(both)) == Misfit::none;
  }

  /// One has planes between the other's, as every second plane of a volume does.
  bool mingle(const Order& one, const Order& other) const {
    if (along(one.back()) < along(other.front()) || along(other.back()) < along(one.front())) return false;
    const Instance& i = instance(one.front());
    const auto& spacing = *plane(one.front()).pixel_spacing;
    const double view = std::min(static_cast<double>(i.rows) * spacing[0], static_cast<double>(i.columns) * spacing[1]);
    const double apart = distance(one.front(), other.front()), deep = along(one.front()) - along(other.front());
    return std::sqrt(std::max(0.0, apart * apart - deep * deep)) < view / 2;
  }

  double distance(const PlaneIndex& a, const PlaneIndex& b) const {
    const auto p = position(a), q = position(b);
    return std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
  }

  /// Beside each other, as stations are, not at one place.
  bool is_other_stack(const PlaneIndex& a, const PlaneIndex& b) const {
    return distance(a, b) > std::ranges::max(*plane(a).pixel_spacing);
  }

  bool same_places(const Order& one, const Order& other) const {
    const double tolerance = kSamePlace + kOffPlace * std::ranges::min(*plane(one.front()).pixel_spacing);
    return one.size() == other.size() && std::ranges::equal(one, other, [&](const PlaneIndex& a, const PlaneIndex& b) {
             return distance(a, b) < tolerance;
           });
  }

  std::string columns_text() const {
    std::string text;
    for (const std::size_t c : telling_) {
      const Column& column = columns_[c];
      text += text.empty() ? "" : ", ";
      text += column.kind == Column::Kind::direction            ? "direction"
              : column.kind == Column::Kind::frame_of_reference ? "frame of reference"
                                                                : name_of(column.trait);
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
        return fmt::format("direction {}, {}", value.numbers.front() + 1, direction_text(plane(group.planes.front())));
      case Column::Kind::frame_of_reference:
        return fmt::format("frame of reference {}", rank_of(c, value));
      case Column::Kind::count:
        return fmt::format("time {} by {}", value.numbers.front(), name_of(trait));
      case Column::Kind::trait:
        break;
    }
    if (trait == Trait::contrast) return value.numbers.empty() ? "without contrast agent" : "with contrast agent";
    if (value == TraitValue{}) return fmt::format("no {}", name_of(trait));
    // When somebody was examined is nobody's business.
    if (trait == Trait::acquisition_moment) return fmt::format("time {} by {}", rank_of(c, value), name_of(trait));
    return fmt::format("{} {}{}", name_of(trait),
                       value.numbers.empty() ? shown(value.text) : numbers_text(value.numbers), unit_of(trait));
  }

  /// From 1, among all groups' values.
  std::size_t rank_of(std::size_t c, const TraitValue& value) const {
    std::set<TraitValue, std::less<>> all;
    for (const Group& group : groups_) all.insert(group.key[c]);
    return static_cast<std::size_t>(std::distance(all.begin(), all.find(value))) + 1;
  }

  std::shared_ptr<const Planes::Files> files_;
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
