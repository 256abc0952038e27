#include "for_each_case.h"

#include <atomic>
#include <cstdint>
#include <new>
#include <optional>

#include "nnunet/core/case_failure.h"
#include "nnunet/core/log.h"
#include "nnunet/core/parallel.h"
#include "nnunet/core/progress.h"

namespace nnunet::v2 {

int for_each_case(const std::string& title, const std::vector<std::string>& names, int threads,
                  const std::function<void(std::size_t)>& body, bool show_progress) {
  std::optional<Progress> progress;
  if (show_progress) progress.emplace(title, static_cast<std::int64_t>(names.size()), "cases");
  std::atomic<int> failed = 0;
  parallel_for(static_cast<std::int64_t>(names.size()), threads, [&](std::int64_t at) {
    const auto i = static_cast<std::size_t>(at);
    try {
      body(i);
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& e) {
      ++failed;
      log::error(case_failure(names[i], e));
    }
    if (progress) progress->advance();
  });
  return failed;
}

}  // namespace nnunet::v2
