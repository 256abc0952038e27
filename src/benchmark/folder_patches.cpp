#include "folder_patches.h"

#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/preprocess/class_locations.h"

namespace nnunet {
namespace {

std::vector<std::vector<std::array<std::int32_t, 3>>> locations_of(const Array<std::int16_t>& label,
                                                                   const LabelSpec& labels) {
  std::vector<std::vector<std::array<std::int32_t, 3>>> all;
  for (const ClassLocations& found : draw_class_locations(label, location_requests(labels))) {
    auto& rows = all.emplace_back();
    for (const auto& v : found.voxels)
      rows.push_back(
          {static_cast<std::int32_t>(v[0]), static_cast<std::int32_t>(v[1]), static_cast<std::int32_t>(v[2])});
  }
  return all;
}

}  // namespace

FolderPatches::FolderPatches(const PreprocessedFolder& folder, const std::vector<std::int64_t>& cases)
    : folder_(folder) {
  for (const std::int64_t index : cases) {
    const std::string& name = folder.cases()[static_cast<std::size_t>(index)];
    const auto y = folder.open_y(name);
    if (!y) throw Error(name, "has no label", "preprocess the case again");
    const auto& shape = y->shape();
    Array<std::int16_t> label({shape[1], shape[2], shape[3]});
    std::ranges::copy(y->values<std::uint8_t>(), label.values.begin());
    auto locations = locations_of(label, folder.plan().labels);
    kept_.emplace(name, Kept{folder.open_x(name), std::move(label), std::move(locations)});
  }
}

std::vector<std::string> FolderPatches::names() const {
  std::vector<std::string> all;
  for (const auto& [name, kept] : kept_) all.push_back(name);
  return all;
}

TrainingCase FolderPatches::open(const std::string& name) const {
  const Kept& kept = kept_.at(name);
  TrainingCase view{.image = kept.image.values<float>().data(),
                    .channels = kept.image.shape()[0],
                    .size = kept.label.spatial(),
                    .labels = {kept.label.data()}};
  view.locations.assign(kept.locations.begin(), kept.locations.end());
  return view;
}

}  // namespace nnunet
