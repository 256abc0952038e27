#pragma once
#include <array>
#include <string>
#include <vector>

#include "nnunet/serve/http.h"

namespace nnunet::serve {

/// The keys that are let in. How long a comparison takes says nothing about them.
class ApiKeys {
 public:
  explicit ApiKeys(const std::vector<std::string>& keys);
  bool empty() const { return digests_.empty(); }
  /// By "Authorization: Bearer KEY" or "X-API-Key: KEY".
  bool admits(const HttpRequest& head) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  static Digest digest(const std::string& key);
  std::vector<Digest> digests_;
};

}  // namespace nnunet::serve
