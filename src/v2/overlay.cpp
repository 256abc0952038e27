#include "nnunet/v2/overlay.h"

#include <cairo.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <span>

#include "for_each_case.h"
#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/image_file.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/raw_dataset.h"
#include "palette.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

std::array<double, 3> colour_of(std::size_t label, std::size_t labels) {
  const bool few = labels <= palette::few.size();
  const std::uint32_t hex = few ? palette::few[label] : palette::many[label % palette::many.size()];
  return {static_cast<double>(hex >> 16U & 255U), static_cast<double>(hex >> 8U & 255U),
          static_cast<double>(hex & 255U)};
}

void plot(const RawCase& raw, const OverlayOptions& options) {
  if (options.channel >= static_cast<int>(raw.images.size()))
    throw Error(raw.name, "there is no channel " + std::to_string(options.channel), "give another -channel_idx");
  const Image image = read_image_file(raw.images[static_cast<std::size_t>(options.channel)]);
  const WideLabelMap labels = read_label_file(raw.label);
  if (image.voxels.spatial() != labels.voxels.spatial())
    throw Error(raw.name, "image and labels differ in shape", "mend the dataset");
  write_file(
      options.output / (raw.name + ".png"),
      png_of(overlay_picture(image.voxels.slab(0), labels.voxels, slice_with_most(labels.voxels), options.intensity)));
}

}  // namespace

std::int64_t slice_with_most(const Array<std::uint16_t>& labels) {
  const auto depth = static_cast<std::size_t>(labels.size(0));
  std::map<std::uint16_t, std::vector<double>> voxels;  // by label and slice
  for (std::size_t d = 0; d < depth; ++d) {
    std::vector<double>* row = nullptr;
    std::uint16_t of = 0;
    for (const std::uint16_t label : labels.slab(static_cast<std::int64_t>(d))) {
      if (label == 0) continue;
      if (row == nullptr || label != of) row = &voxels.try_emplace(of = label, depth, 0.0).first->second;
      ++(*row)[d];
    }
  }
  std::vector<double> share(depth, 0);
  for (const auto& [label, each] : voxels) {
    double sum = 0;
    for (const double count : each) sum += count;
    for (std::size_t d = 0; d < depth; ++d) share[d] += each[d] / sum / static_cast<double>(voxels.size());
  }
  return std::ranges::max_element(share) - share.begin();
}

Array<std::uint8_t> overlay_picture(std::span<const float> image, const Array<std::uint16_t>& labels,
                                    std::int64_t slice, double intensity) {
  const auto map = labels.slab(slice);
  const auto grey = image.subspan(static_cast<std::size_t>(slice) * map.size(), map.size());
  const auto [darkest, brightest] = std::ranges::minmax(grey);
  const double low = darkest, range = static_cast<double>(brightest) - low, scale = range > 0 ? 255 / range : 0;
  std::map<std::uint16_t, std::size_t> number;  // of the labels in this slice
  for (const std::uint16_t label : std::set<std::uint16_t>(map.begin(), map.end()))
    if (label != 0) number.emplace(label, number.size());
  std::vector<double> values(3 * map.size());
  double most = 0;
  for (std::size_t i = 0; i < map.size(); ++i) {
    const std::array<double, 3> colour =
        map[i] == 0 ? std::array<double, 3>{} : colour_of(number.at(map[i]), number.size());
    for (std::size_t c = 0; c < 3; ++c) {
      values[3 * i + c] = (static_cast<double>(grey[i]) - low) * scale + intensity * colour[c];
      most = std::max(most, values[3 * i + c]);
    }
  }
  Array<std::uint8_t> picture({labels.size(1), labels.size(2), 3});
  for (std::size_t i = 0; i < values.size() && most > 0; ++i)
    picture.values[i] = static_cast<std::uint8_t>(std::clamp(values[i] / most * 255, 0.0, 255.0));
  return picture;
}

std::vector<std::byte> png_of(const Array<std::uint8_t>& picture) {
  const int height = static_cast<int>(picture.size(0)), width = static_cast<int>(picture.size(1));
  const std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)> surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height), &cairo_surface_destroy);
  if (cairo_surface_status(surface.get()) != CAIRO_STATUS_SUCCESS)
    throw Error("", "the picture is too large to be drawn");
  unsigned char* const pixels = cairo_image_surface_get_data(surface.get());
  const auto stride = static_cast<std::size_t>(cairo_image_surface_get_stride(surface.get()));
  for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y)
    for (std::size_t x = 0; x < static_cast<std::size_t>(width); ++x) {
      const std::uint8_t* const from = picture.data() + 3 * (y * static_cast<std::size_t>(width) + x);
      const std::uint32_t pixel = std::uint32_t{from[0]} << 16U | std::uint32_t{from[1]} << 8U | from[2];
      std::copy_n(reinterpret_cast<const unsigned char*>(&pixel), sizeof(pixel), pixels + y * stride + 4 * x);
    }
  cairo_surface_mark_dirty(surface.get());
  std::vector<std::byte> png;
  const auto append = [](void* to, const unsigned char* data, unsigned int length) {
    const auto bytes = std::as_bytes(std::span(data, length));
    auto& all = *static_cast<std::vector<std::byte>*>(to);
    all.insert(all.end(), bytes.begin(), bytes.end());
    return CAIRO_STATUS_SUCCESS;
  };
  if (cairo_surface_write_to_png_stream(surface.get(), append, &png) != CAIRO_STATUS_SUCCESS)
    throw Error("", "the picture could not be drawn");
  return png;
}

int plot_raw_overlays(const OverlayOptions& options) {
  const std::vector<RawCase> cases = training_cases(raw_folder() / options.dataset);
  std::vector<std::string> names;
  for (const RawCase& each : cases) names.push_back(each.name);
  require_writable_folder(options.output);
  return for_each_case("overlays", names, options.threads, [&](std::size_t i) { plot(cases[i], options); });
}

}  // namespace nnunet::v2
