#pragma once
#include <string>
#include <vector>

namespace nnunet::serve {

/// The keys that are let in. How long a comparison takes says nothing about them.
class ApiKeys {
 public:
  explicit ApiKeys(const std::vector<std::string>& keys);
  bool empty() const { return digests_.empty(); }
  /// What the headers X-API-Key (KEY) and Authorization (Bearer KEY) hold, either of them empty.
  bool admits(const std::string& api_key, const std::string& authorization) const;

 private:
  std::vector<std::string> digests_;  ///< SHA-256
};

}  // namespace nnunet::serve
