#pragma once
#include <string>
#include <vector>

namespace nnunet {

/// A mark on an axis; minor ones have a grid line but no text.
struct Tick {
  double value = 0;
  std::string text;
};

/// Round values (1, 2 or 5 times a power of ten; Heckbert, "Nice numbers for graph labels", Graphics Gems 1990) within
/// [low, high], about `count` of them. whole: no fractions (epochs).
std::vector<Tick> linear_ticks(double low, double high, int count, bool whole);
/// Decades within [low, high], 0 < low < high; with 2 and 5 between them where they are few, thinned where many.
std::vector<Tick> logarithmic_ticks(double low, double high);

}  // namespace nnunet
