#include "nnunet/preprocess/transpose.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace nnunet {
namespace {

TEST(Transpose, PutsEachVoxelInItsPlaceAndBack) {
  for (const Shape3& s : {Shape3{3, 4, 5}, Shape3{17, 1, 40}, Shape3{1, 33, 18}}) {
    std::array<int, 3> order{0, 1, 2};
    do {
      for (const int threads : {1, 3}) {
        Array<int> in({2, s[0], s[1], s[2]});
        std::iota(in.values.begin(), in.values.end(), 0);
        const Array<int> out = transposed(in, order, threads);
        const Shape3 to = in_order(s, order);
        ASSERT_EQ(out.spatial(), to);
        std::size_t different = 0, i = 0;
        for (std::int64_t c = 0; c < 2; ++c)
          for (std::int64_t z = 0; z < to[0]; ++z)
            for (std::int64_t y = 0; y < to[1]; ++y)
              for (std::int64_t x = 0; x < to[2]; ++x) {
                const Shape3 from = in_order(Shape3{z, y, x}, inverse_order(order));
                different += out.values[i++] != ((c * s[0] + from[0]) * s[1] + from[1]) * s[2] + from[2];
              }
        EXPECT_EQ(different, 0U) << order[0] << order[1] << order[2];
        EXPECT_EQ(transposed(out, inverse_order(order), threads).values, in.values);
      }
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

}  // namespace
}  // namespace nnunet
