// Overlays of cases as training sees them.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "for_each_case.h"
#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/nnunet_cases.h"
#include "nnunet/v2/overlay.h"
#include "nnunet/v2/preprocess.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

/// Labels without the -1 outside of the body.
Array<std::uint16_t> drawn(std::span<const std::int16_t> labels, const Shape3& shape) {
  Array<std::uint16_t> result({shape[0], shape[1], shape[2]});
  std::ranges::transform(labels, result.values.begin(),
                         [](std::int16_t v) { return static_cast<std::uint16_t>(std::max<std::int16_t>(v, 0)); });
  return result;
}

void plot(const std::string& name, const float* image, std::int64_t channels, std::span<const std::int16_t> labels,
          const Shape3& shape, const OverlayOptions& o) {
  if (o.channel >= channels)
    throw Error(name, fmt::format("there is no channel {}", o.channel), "give another -channel_idx");
  const auto voxels = static_cast<std::size_t>(volume(shape));
  const std::span<const float> channel(image + static_cast<std::size_t>(o.channel) * voxels, voxels);
  const Array<std::uint16_t> map = drawn(labels, shape);
  write_file(o.output / (name + ".png"), png_of(overlay_picture(channel, map, slice_with_most(map), o.intensity)));
}

std::string chosen_configuration(const V2Files& files, const std::string& asked) {
  if (!asked.empty()) return asked;
  const std::vector<std::string> all = v2_configurations(files);
  return std::ranges::find(all, "3d_fullres") != all.end() ? "3d_fullres" : "2d";
}

}  // namespace

int plot_preprocessed_overlays(const OverlayOptions& o, const std::string& plans, const std::string& configuration) {
  const fs::path dataset = preprocessed_folder() / o.dataset;
  const V2Files files = read_v2_files(dataset, plans);
  const fs::path folder = store_folder(dataset, files, chosen_configuration(files, configuration));
  std::optional<CaseStore> store;
  std::vector<std::string> names;
  if (missing_cases(folder) || (names = nnunet_cases(folder)).empty()) {
    store.emplace(folder);
    names = store->names();
  }
  require_writable_folder(o.output);
  return for_each_case("overlays", names, o.threads, [&](std::size_t i) {
    if (store) {
      const auto c = store->open(names[i]);
      const std::span<const std::int16_t> labels(c->label(), static_cast<std::size_t>(volume(c->size())));
      return plot(names[i], c->image(), c->channels(), labels, c->size(), o);
    }
    const NnunetCase c = read_nnunet_case(folder, names[i]);
    plot(names[i], c.image.data(), c.image.size(0), c.label.values, c.label.spatial(), o);
  });
}

}  // namespace nnunet::v2
