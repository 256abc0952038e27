#pragma once
#include <string>
#include <vector>

#include "canvas.h"

namespace nnunet {

/// A class of the legend under an overlay.
struct LegendEntry {
  int value = 0;
  std::string name, volume;
  bool absent = false;
};

/// Columns of equal width, filled downwards.
struct LegendGrid {
  std::size_t columns = 1, rows = 0;
  double column_width = 0, row_height = 22;

  double height() const { return row_height * static_cast<double>(rows); }
};

LegendGrid fit_legend(const Canvas& canvas, const std::vector<LegendEntry>& entries, double width);
void draw_legend(const Canvas& canvas, const std::vector<LegendEntry>& entries, const LegendGrid& grid, double left,
                 double top, int n_class);

}  // namespace nnunet
