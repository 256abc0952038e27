#pragma once
#include <functional>
#include <string>
#include <vector>

namespace nnunet::v2 {

/// Calls body(i) for each name on up to `threads` threads and shows progress. A case that throws is named on the log
/// and the others go on; returns how many did. Out of memory is no fault of a case and ends all.
int for_each_case(const std::string& title, const std::vector<std::string>& names, int threads,
                  const std::function<void(std::size_t)>& body, bool show_progress = true);

}  // namespace nnunet::v2
