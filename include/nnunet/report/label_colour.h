#pragma once
#include <cstdint>

namespace nnunet {

/// The colour of class 1 .. n_class - 1 on a dark picture, 0xRRGGBB: that of the page (web/palette.json).
std::uint32_t label_colour(int value, int n_class);

}  // namespace nnunet
