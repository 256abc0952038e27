#pragma once
#include <cstddef>
#include <vector>

#include "nnunet/core/job.h"

namespace nnunet {

/// One of several processes that share a list without talking to each other: every count-th entry is its own. So each
/// of them knows from the list alone what the others do, whenever and wherever they run.
struct Part {
  int id = 0, count = 1;

  bool alone() const { return count == 1; }
  bool owns(std::size_t index) const { return index % static_cast<std::size_t>(count) == static_cast<std::size_t>(id); }
  template <class T>
  std::vector<T> own(const std::vector<T>& all) const {
    std::vector<T> result;
    for (std::size_t i = static_cast<std::size_t>(id); i < all.size(); i += static_cast<std::size_t>(count))
      result.push_back(all[i]);
    return result;
  }
};

/// Part part_id of num_parts, which the processes of a launcher share again: a job array of two jobs with four tasks
/// each has eight parts. Throws Error unless 0 <= part_id < num_parts.
Part choose_part(int num_parts, int part_id, const JobPlace& place);

}  // namespace nnunet
