#pragma once
#include <string>
#include <string_view>

/// Proxies as libcurl takes them from the environment: http_proxy, https_proxy, all_proxy, no_proxy.
namespace nnunet {

/// For CURLOPT_NOPROXY: what no_proxy lists, and this machine itself, which no proxy elsewhere could reach.
std::string direct_hosts();

/// Whether such a list has the host, by libcurl's rules: names stand for their subdomains too, addresses may have a
/// prefix length (10.0.0.0/8), "*" alone for all.
bool lists_host(std::string_view list, std::string_view host);

/// The proxy that requests to an address go through.
struct Proxy {
  std::string variable;  ///< that names it; empty: there is none
  std::string value;     ///< as it stands there, perhaps with a password
  std::string address;   ///< without user and password
  std::string host;      ///< that no_proxy would list to leave it out
};
Proxy proxy_for(const std::string& url);

}  // namespace nnunet
