#include "api_keys.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <sstream>

#include "header_tokens.h"
#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/digest.h"
#include "nnunet/serve/service.h"

namespace nnunet::serve {

ApiKeys::ApiKeys(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) digests_.push_back(digest_of(key, DigestKind::sha256));
}

bool ApiKeys::admits(const std::string& api_key, const std::string& authorization) const {
  std::string key = api_key;
  if (key.empty()) {
    const std::size_t space = std::min(authorization.find(' '), authorization.size());
    if (same_token(authorization.substr(0, space), "Bearer")) key = trimmed(authorization.substr(space));
  }
  const std::string given = digest_of(key, DigestKind::sha256);
  bool found = false;
  for (const std::string& known : digests_) found |= CRYPTO_memcmp(known.data(), given.data(), given.size()) == 0;
  return found;
}

std::vector<std::string> read_api_keys(const std::filesystem::path& path) {
  std::istringstream lines(read_text(path, std::size_t{1} << 20));
  std::vector<std::string> keys;
  for (std::string line; std::getline(lines, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.pop_back();
    if (!line.empty() && line.front() != '#') keys.push_back(line);
  }
  if (keys.empty()) throw Error(path.string(), "holds no key", "write one key a line");
  return keys;
}

}  // namespace nnunet::serve
