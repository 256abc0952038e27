#pragma once
#include <vector>

#include "nnunet/core/cpu.h"

namespace nnunet::test {

/// Every instruction set from portable up to the chosen one.
inline std::vector<Isa> isas() {
  std::vector<Isa> list;
  for (int i = 0; i <= static_cast<int>(chosen_isa()); ++i) list.push_back(static_cast<Isa>(i));
  return list;
}

}  // namespace nnunet::test
