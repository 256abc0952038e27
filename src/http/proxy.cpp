#include "proxy.h"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <optional>
#include <vector>

namespace nnunet {
namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, FreeUrl>;

/// Null for a text that is no address.
Url parsed(const std::string& text, unsigned flags) {
  Url url(curl_url());
  if (url && curl_url_set(url.get(), CURLUPART_URL, text.c_str(), flags) != CURLUE_OK) url.reset();
  return url;
}

/// Empty where there is none.
std::string part(const Url& url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url.get(), which, &text, 0) != CURLUE_OK) return {};
  const std::unique_ptr<char, void (*)(void*)> owner(text, curl_free);
  return text;
}

std::string variable(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  return value == nullptr ? std::string() : value;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

/// The bytes of an IPv4 or IPv6 address; empty for a name.
std::vector<unsigned char> address_bytes(std::string text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  std::array<unsigned char, 16> bytes{};
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return {bytes.begin(), bytes.begin() + 4};
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return {bytes.begin(), bytes.end()};
  return {};
}

/// Whether an address is in a network such as 10.0.0.0/8.
bool in_network(const std::vector<unsigned char>& address, std::string_view network) {
  const std::size_t slash = std::min(network.find('/'), network.size());
  const auto other = address_bytes(std::string(network.substr(0, slash)));
  if (other.size() != address.size()) return false;
  std::size_t bits = 8 * other.size();
  if (slash < network.size()) std::from_chars(network.data() + slash + 1, network.data() + network.size(), bits);
  for (std::size_t bit = 0; bit < std::min(bits, 8 * other.size()); ++bit)
    if (((address[bit / 8] ^ other[bit / 8]) & (0x80U >> bit % 8)) != 0) return false;
  return true;
}

/// Whether "www.example.com" is "example.com" or one of its subdomains.
bool in_domain(const std::string& host, std::string domain) {
  if (domain.ends_with('.')) domain.pop_back();
  if (domain.starts_with('.')) domain.erase(0, 1);
  return !domain.empty() && (host == domain || host.ends_with("." + domain));
}

std::string without_credentials(const std::string& proxy) {
  const Url url = parsed(proxy, CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME);
  if (!url) return "(no valid address)";
  const std::string port = part(url, CURLUPART_PORT);
  return part(url, CURLUPART_SCHEME) + "://" + part(url, CURLUPART_HOST) + (port.empty() ? "" : ":" + port);
}

}  // namespace

std::string direct_hosts() {
  std::string list = variable("no_proxy");
  if (list.empty()) list = variable("NO_PROXY");
  if (list == "*") return list;
  return list + (list.empty() ? "" : ",") + "localhost,127.0.0.1,127.0.0.0/8,0.0.0.0,::1";
}

bool lists_host(std::string_view list, std::string_view host) {
  if (list == "*") return true;
  std::string name = lower(host);
  const auto address = address_bytes(name);
  if (address.empty() && name.ends_with('.')) name.pop_back();
  while (!list.empty()) {
    const std::size_t end = std::min(list.find_first_of(", \t"), list.size());
    const std::string entry = lower(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
    if (entry.empty()) continue;
    if (address.empty() ? in_domain(name, entry) : in_network(address, entry)) return true;
  }
  return false;
}

Proxy proxy_for(const std::string& url) {
  const Url target = parsed(url, 0);
  if (!target) return {};
  Proxy proxy;
  proxy.host = part(target, CURLUPART_HOST);
  // Not HTTP_PROXY, which a web server's programs would take from a request's header.
  std::vector<std::string> names{"http_proxy"};
  if (part(target, CURLUPART_SCHEME) == "https") names = {"https_proxy", "HTTPS_PROXY"};
  names.insert(names.end(), {"all_proxy", "ALL_PROXY"});
  for (const std::string& name : names) {
    proxy.value = variable(name);
    if (proxy.value.empty()) continue;
    if (lists_host(direct_hosts(), proxy.host)) return {};
    proxy.variable = name;
    proxy.address = without_credentials(proxy.value);
    return proxy;
  }
  return {};
}

}  // namespace nnunet
