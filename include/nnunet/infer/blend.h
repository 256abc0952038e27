#pragma once

namespace nnunet {

/// Weights of overlapping windows: a Gaussian bell about the window's centre, or all alike.
enum class Blend { gaussian, constant };

}  // namespace nnunet
