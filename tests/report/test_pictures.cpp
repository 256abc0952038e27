#include <cairo.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "../../src/report/contour.h"
#include "../../src/report/orientation.h"
#include "../../src/report/ticks.h"
#include "nnunet/core/error.h"
#include "nnunet/report/overlay.h"
#include "nnunet/report/plot.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// A PNG read back: 0xRRGGBB by pixel.
struct Picture {
  int width = 0, height = 0;
  std::vector<std::uint32_t> pixels;

  explicit Picture(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::string signature(8, '\0');
    file.read(signature.data(), 8);
    EXPECT_EQ(signature, std::string("\x89PNG\r\n\x1a\n", 8));
    const std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)> surface(
        cairo_image_surface_create_from_png(path.c_str()), &cairo_surface_destroy);
    EXPECT_EQ(cairo_surface_status(surface.get()), CAIRO_STATUS_SUCCESS);
    width = cairo_image_surface_get_width(surface.get());
    height = cairo_image_surface_get_height(surface.get());
    const unsigned char* data = cairo_image_surface_get_data(surface.get());
    const int stride = cairo_image_surface_get_stride(surface.get());
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) {
        const unsigned char* p = data + y * stride + 4 * x;  // blue, green, red, unused
        pixels.push_back(static_cast<std::uint32_t>(p[2] << 16 | p[1] << 8 | p[0]));
      }
  }
  std::int64_t count(std::uint32_t colour) const { return std::count(pixels.begin(), pixels.end(), colour); }
  std::size_t colours() const { return std::set<std::uint32_t>(pixels.begin(), pixels.end()).size(); }
};

TEST(Plot, DrawsCurvesInTheirColours) {
  test::TempFolder folder;
  const auto path = folder / "progress.png";
  draw_panels(path, "title",
              {{"Loss", "epoch", "loss", {{"train", {0, 1, 2}, {3, 2, 1}}, {"val", {0, 1, 2}, {2, nan, 1}}}},
               {"Rate", "epoch", "rate", {{"lr", {0, 1, 2}, {1e-3, 1e-4, 1e-5}}}, true},
               {"Time", "epoch", "s", {}}});
  const Picture picture(path);
  EXPECT_GT(picture.width, 1000);
  EXPECT_GT(picture.height, 700);
  EXPECT_GT(picture.count(0x0072B2), 200);
  EXPECT_GT(picture.count(0xD55E00), 40);
  EXPECT_GT(picture.colours(), 20U);
}

TEST(Plot, GapsAreNotBridgedAndSinglePointsShow) {
  test::TempFolder folder;
  const auto blue = [&](std::vector<double> y) {
    draw_panels(folder / "p.png", "", {{"", "", "", {{"a", {0, 1, 2}, std::move(y)}}}});
    return Picture(folder / "p.png").count(0x0072B2);
  };
  const auto whole = blue({1, 1, 1}), gap = blue({1, nan, 1}), one = blue({nan, 1, nan});
  EXPECT_GT(whole, 500);
  EXPECT_LT(gap, 150);
  EXPECT_GT(one, 20);
  EXPECT_GT(gap, one);
  EXPECT_EQ(blue({nan, nan, nan}), 0);
}

TEST(Plot, OddInputIsDrawn) {
  test::TempFolder folder;
  const double inf = std::numeric_limits<double>::infinity();
  draw_panels(folder / "none.png", "", {});
  std::vector<Curve> many(
      60, {"a class with a rather long name that has to be cut somewhere in the legend", {0, 1}, {1e300, -1e300}});
  draw_panels(folder / "odd.png", "bad \xff bytes",
              {{"log of nothing", "", "", {{"", {0, 1}, {0, -1}}}, true},
               {"constant", "", "", {{"", {5, 5}, {0, 0}}}},
               {"inf", "", "", {{"", {0, 1}, {inf, 1e-12}}}, true},
               {"many", "", "", many},
               {"uneven", "", "", {{"", {0, 1, 2}, {4}}}}});
  EXPECT_GT(Picture(folder / "odd.png").height, 1000);
  EXPECT_GT(Picture(folder / "none.png").width, 100);
}

TEST(Plot, UnwritableFolderIsAnError) {
  test::TempFolder folder;
  std::ofstream(folder / "file") << "x";
  EXPECT_THROW(draw_panels(folder / "file" / "p.png", "", {}), Error);
}

std::vector<std::string> texts(const std::vector<Tick>& ticks) {
  std::vector<std::string> out;
  for (const Tick& tick : ticks)
    if (!tick.text.empty()) out.push_back(tick.text);
  return out;
}

TEST(Ticks, AreRound) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(texts(linear_ticks(-0.3, 1.02, 6, false)), (Texts{"-0.2", "0", "0.2", "0.4", "0.6", "0.8", "1.0"}));
  EXPECT_EQ(texts(linear_ticks(-0.1, 2.1, 8, true)), (Texts{"0", "1", "2"}));
  EXPECT_EQ(texts(linear_ticks(0, 97, 6, false)), (Texts{"0", "20", "40", "60", "80"}));
  EXPECT_EQ(texts(linear_ticks(0, 4e-6, 4, false)), (Texts{"0", "1e-6", "2e-6", "3e-6", "4e-6"}));
  EXPECT_EQ(texts(logarithmic_ticks(1e-6, 1e-2)), (Texts{"1e-6", "1e-5", "1e-4", "0.001", "0.01"}));
  EXPECT_EQ(texts(logarithmic_ticks(0.3, 0.4)).size(), 6U);  // no decade inside: linear ones
}

Geometry make_geometry(const Shape3& shape, const Spacing3& spacing, std::array<double, 3> signs = {1, 1, 1}) {
  Geometry geometry;
  geometry.shape = shape;
  geometry.spacing = spacing;
  for (std::size_t a = 0; a < 3; ++a) geometry.affine[a][a] = signs[a] * spacing[2 - a];
  geometry.affine[3][3] = 1;
  return geometry;
}

TEST(Orientation, AxesAlongTheBody) {
  // RAS+ axes: to see the patient's left on the right hand, x is flipped; rows run from front to back.
  const auto ras = radiological_views(find_orientation(make_geometry({4, 5, 6}, {1, 1, 1})));
  EXPECT_EQ(ras[0].x, 2U);
  EXPECT_EQ(ras[0].y, 1U);
  EXPECT_EQ(ras[0].cut, 0U);
  EXPECT_TRUE(ras[0].flip_x && ras[0].flip_y && ras[1].flip_x && ras[1].flip_y && ras[2].flip_x && ras[2].flip_y);
  const auto lps = radiological_views(find_orientation(make_geometry({4, 5, 6}, {1, 1, 1}, {-1, -1, 1})));
  EXPECT_FALSE(lps[0].flip_x || lps[0].flip_y || lps[1].flip_x || lps[2].flip_x);
  EXPECT_TRUE(lps[1].flip_y && lps[2].flip_y);
}

TEST(Orientation, ObliqueAndPermuted) {
  // Voxel x runs to the feet, y to the left, z to the front, all turned by some 30 degrees.
  Geometry geometry = make_geometry({4, 5, 6}, {1, 1, 1});
  geometry.affine = {{{0.2, -0.9, 0.4, 0}, {0.3, 0.4, 0.9, 0}, {-0.93, -0.1, 0.3, 0}, {0, 0, 0, 1}}};
  const Orientation o = find_orientation(geometry);
  EXPECT_EQ(o.axis, (std::array<std::size_t, 3>{1, 0, 2}));
  EXPECT_EQ(o.positive, (std::array<bool, 3>{false, true, false}));
  geometry.affine = {};
  EXPECT_EQ(find_orientation(geometry).axis, (std::array<std::size_t, 3>{2, 1, 0}));
}

TEST(Contour, LoopsAreClosedAroundPartsAndHoles) {
  ClassSlice ring{5, 5, std::vector<std::uint8_t>(25, 0)};
  for (const int i : {6, 7, 8, 11, 13, 16, 17, 18}) ring.classes[static_cast<std::size_t>(i)] = 3;
  EXPECT_EQ(outlines(ring, 3, 0.5).size(), 2U);
  EXPECT_TRUE(outlines(ring, 1, 0.5).empty());
  // Pixels that touch by a corner only stay two parts; one at the border of the slice is closed outside it.
  ClassSlice diagonal{2, 2, {1, 0, 0, 1}};
  const auto loops = outlines(diagonal, 1, 0.5);
  ASSERT_EQ(loops.size(), 2U);
  for (const auto& loop : loops) {
    ASSERT_EQ(loop.size(), 4U);
    double area = 0;
    for (std::size_t i = 0; i < 4; ++i) area += loop[i].x * loop[(i + 1) % 4].y - loop[(i + 1) % 4].x * loop[i].y;
    EXPECT_DOUBLE_EQ(std::abs(area) / 2, 0.5);
  }
  EXPECT_EQ(outlines({3, 2, std::vector<std::uint8_t>(6, 7)}, 7, 0.4).size(), 1U);
}

struct Case {
  Image image;
  LabelMap label;
};

Case make_case(const Shape3& shape, const Spacing3& spacing) {
  Case c;
  c.image.geometry = c.label.geometry = make_geometry(shape, spacing);
  c.image.voxels = Array<float>({1, shape[0], shape[1], shape[2]});
  for (std::size_t i = 0; i < c.image.voxels.values.size(); ++i) c.image.voxels.values[i] = static_cast<float>(i % 37);
  c.label.voxels = Array<std::uint8_t>({shape[0], shape[1], shape[2]});
  return c;
}

void fill(LabelMap& label, Shape3 low, Shape3 high, std::uint8_t value) {
  const auto& s = label.voxels.shape;
  for (std::int64_t z = low[0]; z < high[0]; ++z)
    for (std::int64_t y = low[1]; y < high[1]; ++y)
      for (std::int64_t x = low[2]; x < high[2]; ++x)
        label.voxels.values[static_cast<std::size_t>((z * s[1] + y) * s[2] + x)] = value;
}

TEST(Overlay, OutlinesAppearOnTheRightSide) {
  test::TempFolder folder;
  Case c = make_case({10, 40, 40}, {4, 1, 1});
  c.image.voxels.values.assign(c.image.voxels.values.size(), 0);
  fill(c.label, {3, 15, 4}, {7, 25, 10}, 1);  // low x of RAS+: the patient's left, the picture's right
  fill(c.label, {3, 15, 30}, {7, 25, 36}, 2);
  draw_overlay(folder / "o.png", "case", c.image, c.label, {"background", "left", "right"});
  const Picture picture(folder / "o.png");
  // Mean column of each outline's colour in the first (axial) picture.
  const auto column = [&](std::uint32_t colour) {
    double sum = 0, count = 0;
    for (int y = 60; y < picture.height - 90; ++y)
      for (int x = 0; x < picture.width / 3; ++x)
        if (picture.pixels[static_cast<std::size_t>(y * picture.width + x)] == colour) sum += x, ++count;
    EXPECT_GT(count, 20);
    return sum / count;
  };
  EXPECT_GT(column(0xE69F00), column(0x56B4E9) + 100);
}

TEST(Overlay, TrueAspectRatio) {
  test::TempFolder folder;
  // 40 mm along each axis whatever the voxels: three squares side by side.
  for (const auto& [shape, spacing] :
       {std::pair{Shape3{40, 40, 40}, Spacing3{1, 1, 1}}, std::pair{Shape3{10, 40, 80}, Spacing3{4, 1, 0.5}}}) {
    Case c = make_case(shape, spacing);
    draw_overlay(folder / "o.png", "case", c.image, c.label, {"background", "a"});
    const Picture picture(folder / "o.png");
    EXPECT_EQ(picture.width, 1560);
    EXPECT_EQ(picture.height, 492 + 150);  // (1560 - margins - gaps) / 3, and title, captions, legend
  }
}

TEST(Overlay, EmptyLabelAndConstantImage) {
  test::TempFolder folder;
  Case c = make_case({6, 7, 8}, {1, 1, 1});
  draw_overlay(folder / "empty.png", "", c.image, c.label, {});
  EXPECT_GT(Picture(folder / "empty.png").colours(), 20U);
  c.image.voxels.values.assign(c.image.voxels.values.size(), 5);
  fill(c.label, {0, 0, 0}, {6, 7, 8}, 255);
  draw_overlay(folder / "full.png", "", c.image, c.label, {"background"});
  EXPECT_GT(Picture(folder / "full.png").height, Picture(folder / "empty.png").height);  // a legend of 255 classes
}

TEST(Overlay, SingleImageAndSingleVoxel) {
  test::TempFolder folder;
  Case flat = make_case({1, 30, 20}, {1, 1, 1});
  fill(flat.label, {0, 3, 3}, {1, 9, 9}, 1);
  draw_overlay(folder / "flat.png", "2D", flat.image, flat.label, {"background", "a"});
  EXPECT_GT(Picture(folder / "flat.png").count(0xE69F00), 50);
  Case dot = make_case({1, 1, 1}, {1, 1, 1});
  draw_overlay(folder / "dot.png", "dot", dot.image, dot.label, {});
  EXPECT_GT(Picture(folder / "dot.png").width, 100);
}

TEST(Overlay, RefusesWhatDoesNotFit) {
  test::TempFolder folder;
  Case c = make_case({6, 7, 8}, {1, 1, 1});
  const Case other = make_case({6, 8, 7}, {1, 1, 1});
  EXPECT_THROW(draw_overlay(folder / "o.png", "case", c.image, other.label, {}), Error);
  c.image.geometry.spacing[1] = 0;
  EXPECT_THROW(draw_overlay(folder / "o.png", "case", c.image, c.label, {}), Error);
  EXPECT_FALSE(std::filesystem::exists(folder / "o.png"));
}

TEST(Overlay, RealCaseWith42Classes) {
  NNUNET_NEEDS_SHARED("data/Task21_BodyCT");
  test::TempFolder folder;
  const auto data = test::shared_dir() / "data" / "Task21_BodyCT";
  const Image image = read_nifti(data / "imagesTr" / "ct_0.nii.gz");
  const LabelMap label = read_label_map(data / "labelsTr" / "ct_0.nii.gz");
  draw_overlay(folder / "o.png", "ct_0", image, label, std::vector<std::string>(42, "organ"));
  EXPECT_GT(Picture(folder / "o.png").colours(), 500U);
}

}  // namespace
}  // namespace nnunet
