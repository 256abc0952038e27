#include "nnunet/report/overlay.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "canvas.h"
#include "legend.h"
#include "nnunet/core/error.h"
#include "orientation.h"
#include "tile.h"

namespace nnunet {
namespace {

constexpr double margin = 24, gap = 18, title_height = 40, caption_height = 30, most_height = 620, most_width = 1560;
constexpr double least_width = 860;
constexpr Colour background = rgb(0x16181B), white = rgb(0xF0F0F0), dim = rgb(0x9AA0A6);

/// 0.5 and 99.5 percentiles of the first channel, from at most about a million voxels.
Window find_window(const Array<float>& voxels) {
  const auto channel = voxels.slab(0);
  const std::size_t step = std::max<std::size_t>(1, channel.size() / 1'000'000);
  std::vector<float> sample;
  for (std::size_t i = 0; i < channel.size(); i += step)
    if (std::isfinite(channel[i])) sample.push_back(channel[i]);
  if (sample.empty()) return {};
  const auto percentile = [&](double part) {
    const auto at = sample.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(sample.size() - 1));
    std::nth_element(sample.begin(), at, sample.end());
    return *at;
  };
  Window window{percentile(0.005), percentile(0.995)};
  // Mostly empty images (a small object in air): the whole range.
  if (!(window.high > window.low))
    window = {*std::min_element(sample.begin(), sample.end()), *std::max_element(sample.begin(), sample.end())};
  if (!(window.high > window.low)) window.high = window.low + 1;
  return window;
}

/// Voxels per class and where their common centre is.
struct LabelSummary {
  std::array<std::int64_t, 256> voxels{};
  Shape3 centre{};  ///< of all labelled voxels; of the volume when there is none
  int n_class = 1;  ///< largest class + 1
};

LabelSummary summarise(const Array<std::uint8_t>& label) {
  LabelSummary summary;
  const auto [depth, height, width] = label.spatial();
  std::array<double, 3> sum{};
  double count = 0;
  for (std::int64_t z = 0; z < depth; ++z)
    for (std::int64_t y = 0; y < height; ++y)
      for (std::int64_t x = 0; x < width; ++x) {
        const std::uint8_t value = label.values[static_cast<std::size_t>((z * height + y) * width + x)];
        if (value == 0) continue;
        ++summary.voxels[value];
        sum = {sum[0] + static_cast<double>(z), sum[1] + static_cast<double>(y), sum[2] + static_cast<double>(x)};
        ++count;
      }
  for (std::size_t a = 0; a < 3; ++a)
    summary.centre[a] = count > 0 ? static_cast<std::int64_t>(std::lround(sum[a] / count)) : label.shape[a] / 2;
  for (int c = 1; c < 256; ++c)
    if (summary.voxels[static_cast<std::size_t>(c)] > 0) summary.n_class = c + 1;
  return summary;
}

bool is_empty(const LabelSummary& summary) {
  return summary.n_class == 1;
}

/// Planes that are no single line of voxels (a 2D image has one), all of them when none is.
std::vector<Tile> make_tiles(const Geometry& geometry, const Shape3& shape, const Shape3& centre) {
  std::vector<Tile> tiles;
  for (const View& view : radiological_views(find_orientation(geometry)))
    tiles.push_back({view, shape[view.x], shape[view.y], centre[view.cut], geometry.spacing[view.x],
                     geometry.spacing[view.y], 0, 0});
  std::vector<Tile> planes;
  std::copy_if(tiles.begin(), tiles.end(), std::back_inserter(planes),
               [](const Tile& t) { return t.columns > 1 && t.rows > 1; });
  return planes.empty() ? tiles : planes;
}

/// One scale (px/mm) for all, side by side; returns the width they take.
double place_tiles(std::vector<Tile>& tiles) {
  double width = 0, height = 0;
  for (const Tile& tile : tiles) {
    width += tile.width();
    height = std::max(height, tile.height());
  }
  const double gaps = gap * static_cast<double>(tiles.size() - 1);
  const double scale = std::min((most_width - 2 * margin - gaps) / width, most_height / height);
  double left = margin;
  for (Tile& tile : tiles) {
    // At least a pixel: a long bar of few voxels across still shows.
    tile.pixel_width = std::max(tile.pixel_width * scale, 1.0 / static_cast<double>(tile.columns));
    tile.pixel_height = std::max(tile.pixel_height * scale, 1.0 / static_cast<double>(tile.rows));
    tile.left = left;
    tile.top = margin + title_height + (height * scale - tile.height()) / 2;
    left += tile.width() + gap;
  }
  return left - gap + margin;
}

std::vector<LegendEntry> make_legend(const LabelSummary& summary, const std::vector<std::string>& names,
                                     double voxel_ml) {
  std::vector<LegendEntry> entries;
  const int count = std::max(summary.n_class, static_cast<int>(names.size()));
  for (int c = 1; c < count && c < 256; ++c) {
    const auto index = static_cast<std::size_t>(c);
    const std::string name = index < names.size() && !names[index].empty() ? names[index] : fmt::format("L{}", c);
    const bool absent = summary.voxels[index] == 0;
    const double ml = static_cast<double>(summary.voxels[index]) * voxel_ml;
    const int digits = ml < 10 ? 2 : ml < 100 ? 1 : 0;
    entries.push_back({c, name, absent ? std::string("–") : fmt::format("{:.{}f} mL", ml, digits), absent});
  }
  return entries;
}

void check(const std::string& title, const Image& image, const LabelMap& label) {
  if (image.voxels.shape.size() != 4 || label.voxels.shape.size() != 3 ||
      image.voxels.spatial() != label.voxels.spatial())
    throw Error(title, fmt::format("no overlay of a label of shape {} on an image of shape {}",
                                   shape_text(label.voxels.shape), shape_text(image.voxels.shape)));
  if (label.voxels.numel() == 0) throw Error(title, "the image has no voxels");
  for (const double s : image.geometry.spacing)
    if (!(s > 0) || !std::isfinite(s)) throw Error(title, fmt::format("the voxel spacing {} mm is not positive", s));
}

}  // namespace

void draw_overlay(const std::filesystem::path& path, const std::string& title, const Image& image,
                  const LabelMap& label, const std::vector<std::string>& class_names) {
  check(title, image, label);
  const Shape3 shape = label.voxels.spatial();
  const Spacing3& spacing = image.geometry.spacing;
  const LabelSummary summary = summarise(label.voxels);
  std::vector<Tile> tiles = make_tiles(image.geometry, shape, summary.centre);
  const double mm = tiles.front().pixel_width;
  const double tiles_width = place_tiles(tiles), scale = tiles.front().pixel_width / mm;
  const double width = std::max(tiles_width, least_width);
  double bottom = 0;
  for (Tile& tile : tiles) {
    tile.left += (width - tiles_width) / 2;
    bottom = std::max(bottom, tile.top + tile.height());
  }
  const auto legend = make_legend(summary, class_names, spacing[0] * spacing[1] * spacing[2] / 1000);
  const LegendGrid grid = fit_legend(Canvas(1, 1, {}), legend, width - 2 * margin);
  const double legend_top = bottom + caption_height + 10;
  const double height = legend_top + std::max(grid.height(), grid.row_height) + margin;

  const Canvas canvas(static_cast<int>(std::ceil(width)), static_cast<int>(std::ceil(height)), background);
  const TextStyle title_style{18, white, Align::left, true};
  canvas.text(margin, margin + 10, fit_text(canvas, title, title_style, width - 2 * margin), title_style);
  const int n_class = legend.empty() ? 1 : legend.back().value + 1;
  const Window window = find_window(image.voxels);
  for (const Tile& tile : tiles) {
    draw_tile(canvas, tile, image, window, label.voxels, n_class);
    draw_cuts(canvas, tile, summary.centre);
    draw_scale_bar(canvas, tile, scale);
    canvas.text(tile.left + tile.width() / 2, bottom + 18,
                fmt::format("{} {} / {}", tile.view.name, tile.slice + 1, shape[tile.view.cut]),
                {13, dim, Align::centre});
  }
  draw_legend(canvas, legend, grid, margin, legend_top, n_class);
  if (is_empty(summary)) canvas.text(width - margin, margin + 10, "the label map is empty", {13, dim, Align::right});
  canvas.save_png(path);
}

}  // namespace nnunet
