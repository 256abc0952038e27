#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Values of headers (RFC 9110): their tokens mean the same in capitals and small letters.
namespace nnunet::serve {

bool same_token(std::string_view a, std::string_view b);
std::string lower_case(std::string_view text);

/// Without spaces and tabs around it.
std::string_view trimmed(std::string_view text);

/// What stands between commas; empty elements are left out.
std::vector<std::string_view> header_list(std::string_view text);

/// A value with parameters: multipart/form-data; boundary="a b".
struct HeaderValue {
  std::string value;                              ///< before the first ';', in lower case
  std::map<std::string, std::string> parameters;  ///< names in lower case, values without their quotes
};
/// Nothing for one that is malformed or names a parameter twice.
std::optional<HeaderValue> parse_header_value(std::string_view text);

}  // namespace nnunet::serve
