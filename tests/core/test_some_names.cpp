#include "nnunet/core/some_names.h"

#include <gtest/gtest.h>

namespace nnunet {
namespace {

TEST(SomeNames, LongListsAreCut) {
  EXPECT_EQ(some_names({}), "");
  EXPECT_EQ(some_names({"a"}), "a");
  EXPECT_EQ(some_names({"a", "b", "c", "d", "e"}), "a, b, c, d, e");
  EXPECT_EQ(some_names({"a", "b", "c", "d", "e", "f", "g"}), "a, b, c, d, e and 2 more");
}

}  // namespace
}  // namespace nnunet
