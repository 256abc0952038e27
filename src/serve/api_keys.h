#pragma once
#include <array>
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
  using Digest = std::array<unsigned char, 32>;
  static Digest digest(const std::string& key);
  std::vector<Digest> digests_;
};

}  // namespace nnunet::serve
