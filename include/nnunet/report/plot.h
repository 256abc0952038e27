#pragma once
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace nnunet {

/// A curve: y over x; NaN values are gaps.
struct Curve {
  std::string name;
  std::vector<double> x, y;
  bool right = false;  ///< by the axis on the right
};

struct Panel {
  std::string title, x_label, y_label;
  std::vector<Curve> curves;
  bool logarithmic = false;      ///< y axis
  std::string right_label = {};  ///< of the axis on the right, which is there where a curve wants it; never logarithmic
};

/// Draws panels in a grid (of two columns, or fewer) as a PNG: axes with round ticks, light grid, legend, colours that
/// colour-blind readers can tell apart. Atomic.
void draw_panels(const std::filesystem::path& path, const std::string& title, const std::vector<Panel>& panels,
                 std::size_t most_columns = 2);

}  // namespace nnunet
