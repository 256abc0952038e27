#pragma once
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "nnunet/core/error.h"

namespace nnunet {

/// Cases that could not be read while training: each is named once, and there may be so many at most. Thread-safe.
class BadCases {
 public:
  explicit BadCases(std::int64_t limit) : limit_(limit) {}
  /// Warns the first time that this case is given. Throws Error when there are more than the limit.
  void add(const std::string& name, const Error& error);
  /// The same without a warning: another process has found it.
  void add_elsewhere(const std::string& name);
  std::vector<std::string> names() const;

 private:
  bool insert(const std::string& name, const std::string& message);

  const std::int64_t limit_;
  mutable std::mutex mutex_;
  std::set<std::string> names_;
};

}  // namespace nnunet
