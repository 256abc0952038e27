#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace nnunet {

/// A curve: y over x; NaN values are gaps.
struct Curve {
  std::string name;
  std::vector<double> x, y;
};

struct Panel {
  std::string title, x_label, y_label;
  std::vector<Curve> curves;
  bool logarithmic = false;  ///< y axis
};

/// Draws panels in a grid (two columns) as a PNG: axes with round ticks, light grid, legend, colours that colour-blind
/// readers can tell apart. Atomic.
void draw_panels(const std::filesystem::path& path, const std::string& title, const std::vector<Panel>& panels);

}  // namespace nnunet
