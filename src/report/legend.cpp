#include "legend.h"

#include <algorithm>

#include "tile.h"

namespace nnunet {

namespace {
constexpr Colour white = rgb(0xF0F0F0), dim = rgb(0x9AA0A6);
}

LegendGrid fit_legend(const Canvas& canvas, const std::vector<LegendEntry>& entries, double width) {
  if (entries.empty()) return {};
  double widest = 0;
  for (const LegendEntry& entry : entries)
    widest =
        std::max(widest, canvas.text_width(entry.name, TextStyle{13}) + canvas.text_width(entry.volume, TextStyle{13}));
  LegendGrid grid;
  const double column = std::min(widest, 300.0) + 46 + 16 + 30;
  grid.columns = std::clamp<std::size_t>(static_cast<std::size_t>(width / column), 1, entries.size());
  grid.rows = (entries.size() + grid.columns - 1) / grid.columns;
  grid.columns = (entries.size() + grid.rows - 1) / grid.rows;
  grid.column_width = std::min(column, width);
  return grid;
}

void draw_legend(const Canvas& canvas, const std::vector<LegendEntry>& entries, const LegendGrid& grid, double origin,
                 double top, int n_class) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const LegendEntry& entry = entries[i];
    const double left = origin + static_cast<double>(i / grid.rows) * grid.column_width;
    const double y = top + (static_cast<double>(i % grid.rows) + 0.5) * grid.row_height;
    Colour colour = class_colour(entry.value, n_class);
    if (entry.absent) colour.alpha = 0.35;
    canvas.rectangle(left, y - 6, 12, 12, colour);
    canvas.text(left + 40, y, std::to_string(entry.value), {13, dim, Align::right});
    const double right = left + grid.column_width - 30;
    const double room = right - left - 46 - canvas.text_width(entry.volume, TextStyle{13}) - 10;
    canvas.text(left + 46, y, fit_text(canvas, entry.name, TextStyle{13}, room), {13, entry.absent ? dim : white});
    canvas.text(right, y, entry.volume, {13, dim, Align::right});
  }
}

}  // namespace nnunet
