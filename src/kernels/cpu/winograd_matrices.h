#pragma once
#include <array>

// One axis of F(m,3), m outputs of a kernel of 3 from m + 2 inputs (Winograd, "Arithmetic complexity of computations",
// 1980; Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016): y = At ((G g) * (Bt x)).
// m = 2: points 0, 1, -1, infinity. m = 4: points 0, +-1/sqrt(2), +-sqrt(2), infinity, whose rounding errors are about
// half those of 0, +-1, +-2. m = 1: an axis along which the kernel is 1.
namespace nnunet::kernels {

inline constexpr double kRoot2 = 1.4142135623730950488;

struct WinogradAxis {
  int outputs, points, taps;
  std::array<std::array<double, 6>, 6> bt;
  std::array<std::array<double, 6>, 4> at;
  std::array<std::array<double, 3>, 6> g;
};

inline constexpr WinogradAxis kAxis1{1, 1, 1, {{{1}}}, {{{1}}}, {{{1}}}};
inline constexpr WinogradAxis kAxis2{2,
                                     4,
                                     3,
                                     {{{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}}},
                                     {{{1, 1, 1, 0}, {0, 1, -1, -1}}},
                                     {{{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}}};
inline constexpr WinogradAxis kAxis4{4,
                                     6,
                                     3,
                                     {{{1, 0, -2.5, 0, 1, 0},
                                       {0, -kRoot2, -2, kRoot2 / 2, 1, 0},
                                       {0, kRoot2, -2, -kRoot2 / 2, 1, 0},
                                       {0, -kRoot2 / 2, -0.5, kRoot2, 1, 0},
                                       {0, kRoot2 / 2, -0.5, -kRoot2, 1, 0},
                                       {0, 1, 0, -2.5, 0, 1}}},
                                     {{{1, 1, 1, 1, 1, 0},
                                       {0, kRoot2 / 2, -kRoot2 / 2, kRoot2, -kRoot2, 0},
                                       {0, 0.5, 0.5, 2, 2, 0},
                                       {0, kRoot2 / 4, -kRoot2 / 4, 2 * kRoot2, -2 * kRoot2, 1}}},
                                     {{{1, 0, 0},
                                       {-2.0 / 3, -kRoot2 / 3, -1.0 / 3},
                                       {-2.0 / 3, kRoot2 / 3, -1.0 / 3},
                                       {1.0 / 6, kRoot2 / 6, 1.0 / 3},
                                       {1.0 / 6, -kRoot2 / 6, 1.0 / 3},
                                       {0, 0, 1}}}};

/// Of 1, 2 or 4 outputs.
constexpr const WinogradAxis& winograd_axis(int outputs) {
  return outputs == 1 ? kAxis1 : outputs == 2 ? kAxis2 : kAxis4;
}

}  // namespace nnunet::kernels
