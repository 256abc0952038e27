#pragma once
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "nnunet/core/error.h"
#include "nnunet/data/training_cases.h"
#include "nnunet/preprocess/class_locations.h"

namespace nnunet::test {

/// Cases in memory: image (C,D,H,W) and label maps by formula.
class CasesInMemory final : public TrainingCases {
 public:
  struct Owned {
    Array<float> image;
    std::vector<Array<std::int16_t>> labels;
    std::vector<std::vector<std::array<std::int32_t, 3>>> locations;
    bool broken = false;
  };

  /// image(c,z,y,x), label(z,y,x); a cascade's cases have a second label map.
  template <class ImageAt, class LabelAt>
  Owned& add(const std::string& name, std::int64_t channels, const Shape3& size, const ImageAt& image_at,
             const LabelAt& label_at, const LabelSpec& spec, std::size_t maps = 1) {
    Owned& owned = cases_[name];
    owned.image = Array<float>({channels, size[0], size[1], size[2]});
    owned.labels.assign(maps, Array<std::int16_t>({size[0], size[1], size[2]}));
    std::size_t i = 0;
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t z = 0; z < size[0]; ++z)
        for (std::int64_t y = 0; y < size[1]; ++y)
          for (std::int64_t x = 0; x < size[2]; ++x, ++i) {
            owned.image.values[i] = static_cast<float>(image_at(c, z, y, x));
            if (c == 0)
              for (auto& map : owned.labels) map.values[i] = static_cast<std::int16_t>(label_at(z, y, x));
          }
    for (const ClassLocations& found : draw_class_locations(owned.labels[0], location_requests(spec))) {
      auto& rows = owned.locations.emplace_back();
      for (const auto& v : found.voxels)
        rows.push_back(
            {static_cast<std::int32_t>(v[0]), static_cast<std::int32_t>(v[1]), static_cast<std::int32_t>(v[2])});
    }
    return owned;
  }
  Owned& at(const std::string& name) { return cases_.at(name); }

  std::string place() const override { return "memory"; }
  std::vector<std::string> names() const override {
    std::vector<std::string> all;
    for (const auto& [name, owned] : cases_) all.push_back(name);
    return all;
  }
  TrainingCase open(const std::string& name) const override {
    const Owned& owned = cases_.at(name);
    if (owned.broken) throw Error(name + "_x.npy", "the file is truncated", "preprocess the case again");
    TrainingCase view{.image = owned.image.data(), .channels = owned.image.size(0), .size = owned.image.spatial()};
    for (const auto& map : owned.labels) view.labels.push_back(map.data());
    view.locations.assign(owned.locations.begin(), owned.locations.end());
    return view;
  }

 private:
  std::map<std::string, Owned> cases_;
};

/// Labels 0 to `largest`.
inline LabelSpec plain_labels(int largest) {
  LabelSpec spec;
  for (int label = 0; label <= largest; ++label) spec.entries.push_back({"", {label}});
  return spec;
}

}  // namespace nnunet::test
