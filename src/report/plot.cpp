#include "nnunet/report/plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "canvas.h"
#include "ticks.h"

namespace nnunet {
namespace {

constexpr int panel_width = 680, plot_height = 300, margin = 26;
constexpr double legend_row = 20, left_space = 74, title_space = 34, bottom_space = 50;
constexpr double title_height = 44;
constexpr Colour ink = rgb(0x222222), grey = rgb(0x666666), frame_colour = rgb(0x999999), grid = rgb(0xE3E3E3),
                 faint_grid = rgb(0xF2F2F2);

/// Okabe and Ito, "Color Universal Design" (2008), without the yellow, which is too pale on white.
constexpr std::array palette{rgb(0x0072B2), rgb(0xD55E00), rgb(0x009E73), rgb(0xCC79A7),
                             rgb(0xE69F00), rgb(0x56B4E9), rgb(0x000000)};
/// The next curves repeat the colours with these dashes.
const std::array<std::vector<double>, 4> dashes{{{}, {7, 3}, {2, 3}, {9, 3, 2, 3}}};

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  bool empty() const { return !(low <= high); }
  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

std::size_t points(const Curve& curve) {
  return std::min(curve.x.size(), curve.y.size());
}

bool is_logarithmic(const Panel& panel, const Curve& curve) {
  return panel.logarithmic && !curve.right;
}

bool is_point(const Panel& panel, const Curve& curve, std::size_t i) {
  return std::isfinite(curve.x[i]) && std::isfinite(curve.y[i]) && (!is_logarithmic(panel, curve) || curve.y[i] > 0);
}

bool has_right_axis(const Panel& panel) {
  return std::ranges::any_of(panel.curves, &Curve::right);
}

double right_space(const Panel& panel) {
  return has_right_axis(panel) ? 74 : 20;
}

/// Where data values lie on the canvas.
struct Axes {
  double left = 0, top = 0, width = 0, height = 0;
  Range x, y;
  bool logarithmic = false, whole_x = true;

  double to_x(double value) const { return left + width * (value - x.low) / (x.high - x.low); }
  double to_y(double value) const {
    const double part =
        logarithmic ? std::log(value / y.low) / std::log(y.high / y.low) : (value - y.low) / (y.high - y.low);
    return top + height * (1 - part);
  }
};

void widen(Range& range, double part, bool logarithmic) {
  if (logarithmic) {
    const double factor = range.high > range.low ? std::pow(range.high / range.low, part) : 2;
    range.low /= factor;
    range.high *= factor;
    return;
  }
  const double span = range.high - range.low;
  const double tiny = 1e-9 * std::max(std::abs(range.low), std::abs(range.high));
  const double pad = span > tiny ? span * part : std::max(0.5, 0.1 * std::abs(range.high));
  range.low -= pad;
  range.high += pad;
}

/// right: the axis on the right.
Axes fit_axes(const Panel& panel, double left, double top, bool right) {
  const bool logarithmic = panel.logarithmic && !right;
  Axes axes{left + left_space, top, panel_width - left_space - right_space(panel), plot_height, {}, {},
            logarithmic,       true};
  for (const Curve& curve : panel.curves)
    for (std::size_t i = 0; i < points(curve); ++i)
      if (is_point(panel, curve, i)) {
        axes.x.add(curve.x[i]);
        if (curve.right == right) axes.y.add(curve.y[i]);
        axes.whole_x = axes.whole_x && curve.x[i] == std::floor(curve.x[i]);
      }
  if (axes.y.empty()) return axes;
  // A share of a whole or a size does not go below 0: the padding shall not suggest that it does.
  const bool from_zero = !logarithmic && axes.y.low >= 0;
  widen(axes.x, 0.02, false);
  widen(axes.y, 0.06, logarithmic);
  if (from_zero) axes.y.low = std::max(axes.y.low, 0.0);
  return axes;
}

void draw_frame(const Canvas& canvas, const Panel& panel, const Axes& axes) {
  const double right = axes.left + axes.width, bottom = axes.top + axes.height;
  const auto y_ticks =
      axes.logarithmic ? logarithmic_ticks(axes.y.low, axes.y.high) : linear_ticks(axes.y.low, axes.y.high, 6, false);
  for (const Tick& tick : y_ticks) {
    const double y = std::round(axes.to_y(tick.value)) + 0.5;
    canvas.line(axes.left, y, right, y, tick.text.empty() ? faint_grid : grid, 1);
    canvas.text(axes.left - 8, y, tick.text, {12, grey, Align::right});
  }
  for (const Tick& tick : linear_ticks(axes.x.low, axes.x.high, 8, axes.whole_x)) {
    const double x = std::round(axes.to_x(tick.value)) + 0.5;
    canvas.line(x, axes.top, x, bottom, grid, 1);
    canvas.text(x, bottom + 14, tick.text, {12, grey, Align::centre});
  }
  canvas.line(axes.left, bottom + 0.5, right, bottom + 0.5, frame_colour, 1);
  canvas.line(axes.left + 0.5, axes.top, axes.left + 0.5, bottom, frame_colour, 1);
  canvas.text(axes.left + axes.width / 2, bottom + 34, panel.x_label, {13, ink, Align::centre});
}

/// The grid is the left axis's.
void draw_right_axis(const Canvas& canvas, const Panel& panel, const Axes& axes) {
  const double right = axes.left + axes.width;
  for (const Tick& tick : linear_ticks(axes.y.low, axes.y.high, 6, false)) {
    const double y = std::round(axes.to_y(tick.value)) + 0.5;
    canvas.line(right, y, right + 4, y, frame_colour, 1);
    canvas.text(right + 8, y, tick.text, {12, grey, Align::left});
  }
  canvas.line(right + 0.5, axes.top, right + 0.5, axes.top + axes.height, frame_colour, 1);
  canvas.text(right + right_space(panel) - 14, axes.top + axes.height / 2, panel.right_label,
              {13, ink, Align::centre, false, -1.5707963});
}

struct CurveStyle {
  Colour colour;
  std::vector<double> dash;
};

CurveStyle style_of(std::size_t curve) {
  return {palette[curve % palette.size()], dashes[curve / palette.size() % dashes.size()]};
}

void stroke(const Canvas& canvas, const CurveStyle& style) {
  canvas.set_colour(style.colour);
  cairo_set_dash(canvas.cairo(), style.dash.data(), static_cast<int>(style.dash.size()), 0);
  cairo_set_line_width(canvas.cairo(), 2);
  cairo_set_line_join(canvas.cairo(), CAIRO_LINE_JOIN_ROUND);
  cairo_stroke(canvas.cairo());
  cairo_set_dash(canvas.cairo(), nullptr, 0, 0);
}

void draw_dot(const Canvas& canvas, double x, double y, const Colour& colour, double radius) {
  canvas.set_colour(colour);
  cairo_arc(canvas.cairo(), x, y, radius, 0, 6.2832);
  cairo_fill(canvas.cairo());
}

/// Lines between neighbouring points; dots where a point has no neighbour, or on all while they are few.
void draw_curve(const Canvas& canvas, const Panel& panel, const Axes& axes, std::size_t index) {
  const Curve& curve = panel.curves[index];
  const CurveStyle style = style_of(index);
  const std::size_t n = points(curve);
  const auto there = [&](std::size_t i) { return i < n && is_point(panel, curve, i); };
  for (std::size_t i = 0; i < n; ++i) {
    if (!there(i)) continue;
    const double x = axes.to_x(curve.x[i]), y = axes.to_y(curve.y[i]);
    i > 0 && there(i - 1) ? cairo_line_to(canvas.cairo(), x, y) : cairo_move_to(canvas.cairo(), x, y);
  }
  stroke(canvas, style);
  for (std::size_t i = 0; i < n; ++i) {
    const bool alone = there(i) && (i == 0 || !there(i - 1)) && !there(i + 1);
    if (alone || (n <= 30 && there(i)))
      draw_dot(canvas, axes.to_x(curve.x[i]), axes.to_y(curve.y[i]), style.colour, alone ? 4 : 2.8);
  }
}

/// Legend entries placed in rows under the panel's title.
struct LegendEntry {
  double x = 0, y = 0;
  std::string name;
};

const TextStyle legend_text{12, ink};

std::vector<LegendEntry> layout_legend(const Canvas& canvas, const Panel& panel) {
  std::vector<LegendEntry> entries;
  if (panel.curves.size() < 2) return entries;
  const double room = panel_width - left_space - right_space(panel);
  double x = 0, y = 0;
  for (const Curve& curve : panel.curves) {
    const std::string name = fit_text(canvas, curve.name, legend_text, 260);
    const double width = 34 + canvas.text_width(name, legend_text) + 18;
    if (x > 0 && x + width > room) {
      x = 0;
      y += legend_row;
    }
    entries.push_back({x, y, name});
    x += width;
  }
  return entries;
}

void draw_legend(const Canvas& canvas, const std::vector<LegendEntry>& entries, double left, double top) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const double x = left + entries[i].x, y = std::round(top + entries[i].y + legend_row / 2);
    cairo_move_to(canvas.cairo(), x, y);
    cairo_line_to(canvas.cairo(), x + 26, y);
    stroke(canvas, style_of(i));
    canvas.text(x + 34, y, entries[i].name, legend_text);
  }
}

double legend_height(const std::vector<LegendEntry>& entries) {
  return entries.empty() ? 0 : entries.back().y + legend_row + 6;
}

void draw_panel(const Canvas& canvas, const Panel& panel, double left, double top, double legend_space) {
  canvas.text(
      left + left_space, top + 14,
      fit_text(canvas, panel.title, {15, ink, Align::left, true}, panel_width - left_space - right_space(panel)),
      {15, ink, Align::left, true});
  draw_legend(canvas, layout_legend(canvas, panel), left + left_space, top + title_space - 4);
  const Axes axes = fit_axes(panel, left, top + title_space + legend_space, false),
             right_axes = fit_axes(panel, left, top + title_space + legend_space, true);
  canvas.text(left + 14, axes.top + axes.height / 2, panel.y_label, {13, ink, Align::centre, false, -1.5707963});
  if (axes.y.empty()) {
    canvas.rectangle(axes.left, axes.top, axes.width, axes.height, faint_grid);
    canvas.text(axes.left + axes.width / 2, axes.top + axes.height / 2, "no values yet", {14, grey, Align::centre});
    return;
  }
  draw_frame(canvas, panel, axes);
  if (!right_axes.y.empty()) draw_right_axis(canvas, panel, right_axes);
  cairo_save(canvas.cairo());
  cairo_rectangle(canvas.cairo(), axes.left, axes.top - 5, axes.width + 5, axes.height + 10);
  cairo_clip(canvas.cairo());
  // The first curve on top.
  for (std::size_t i = panel.curves.size(); i-- > 0;)
    draw_curve(canvas, panel, panel.curves[i].right ? right_axes : axes, i);
  cairo_restore(canvas.cairo());
}

}  // namespace

void draw_panels(const std::filesystem::path& path, const std::string& title, const std::vector<Panel>& panels,
                 std::size_t most_columns) {
  const std::size_t columns = std::clamp<std::size_t>(panels.size(), 1, most_columns);
  const Canvas ruler(1, 1, {});
  std::vector<double> legend_space((panels.size() + columns - 1) / columns, 0);
  double height = 2 * margin + title_height;
  for (std::size_t i = 0; i < panels.size(); ++i)
    legend_space[i / columns] = std::max(legend_space[i / columns], legend_height(layout_legend(ruler, panels[i])));
  for (const double space : legend_space) height += title_space + space + plot_height + bottom_space + 10;

  const double width = static_cast<double>(columns) * panel_width + 2 * margin;
  const Canvas canvas(static_cast<int>(width), static_cast<int>(height), rgb(0xFFFFFF));
  const TextStyle title_style{20, ink, Align::left, true};
  canvas.text(margin + 8, margin + 12, fit_text(canvas, title, title_style, width - 2 * margin), title_style);
  double top = margin + title_height;
  for (std::size_t i = 0; i < panels.size(); ++i) {
    draw_panel(canvas, panels[i], margin + static_cast<double>(i % columns) * panel_width, top,
               legend_space[i / columns]);
    if (i % columns + 1 == columns) top += title_space + legend_space[i / columns] + plot_height + bottom_space + 10;
  }
  canvas.save_png(path);
}

}  // namespace nnunet
