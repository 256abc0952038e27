#include "api_keys.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <sstream>

#include "header_tokens.h"
#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/serve/service.h"

namespace nnunet::serve {

ApiKeys::Digest ApiKeys::digest(const std::string& key) {
  Digest result{};
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), result.data());
  return result;
}

ApiKeys::ApiKeys(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) digests_.push_back(digest(key));
}

bool ApiKeys::admits(const std::string& api_key, const std::string& authorization) const {
  std::string key = api_key;
  if (key.empty()) {
    const std::size_t space = std::min(authorization.find(' '), authorization.size());
    if (same_token(authorization.substr(0, space), "Bearer")) key = trimmed(authorization.substr(space));
  }
  const Digest given = digest(key);
  bool found = false;
  for (const Digest& known : digests_) found |= CRYPTO_memcmp(known.data(), given.data(), given.size()) == 0;
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
