#include "nnunet/http/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <mutex>
#include <new>

#include "certificates.h"
#include "nnunet/core/error.h"
#include "proxy.h"

namespace nnunet {
namespace {

using Clock = std::chrono::steady_clock;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

/// One call while it runs: what libcurl's functions are given.
class Transfer {
 public:
  Transfer(const HttpCall& call, const HttpClient::Receive& receive) : call_(call), receive_(receive) {}

  HttpReply run(CURL* handle, const std::string& trusted) {
    const HeaderList headers = header_list();
    set_options(handle, headers.get(), trusted);
    const CURLcode code = curl_easy_perform(handle);
    reply_.ended = seconds();
    const Proxy proxy = proxy_for(last_url(handle));
    if (!proxy.variable.empty())
      reply_.via_proxy = "through the proxy " + proxy.address + " that " + proxy.variable +
                         " names; no_proxy=" + proxy.host + " leaves it out";
    if (code != CURLE_OK) {
      reply_.broken = reason(code, proxy);
      reply_.hopeless = code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT ||
                        code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
    }
    return std::move(reply_);
  }

 private:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  /// Of the last request, after redirections.
  std::string last_url(CURL* handle) const {
    const char* url = nullptr;
    const bool known = curl_easy_getinfo(handle, CURLINFO_EFFECTIVE_URL, &url) == CURLE_OK && url != nullptr;
    return known ? url : call_.url;
  }

  std::string reason(CURLcode code, const Proxy& proxy) const {
    std::string text = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
    if (proxy.variable.empty()) return text;
    // libcurl quotes a proxy that it cannot use, with its password.
    for (std::size_t at = 0; (at = text.find(proxy.value, at)) != std::string::npos; at += proxy.address.size())
      text.replace(at, proxy.value.size(), proxy.address);
    return text + " (" + reply_.via_proxy + ")";
  }

  HeaderList header_list() const {
    HeaderList list;
    const auto add = [&](const char* line) {
      curl_slist* const longer = curl_slist_append(list.get(), line);
      if (longer == nullptr) throw std::bad_alloc();
      [[maybe_unused]] auto* const former = list.release();
      list.reset(longer);
    };
    for (const std::string& header : call_.headers) add(header.c_str());
    add("Expect:");  // a large body is sent at once, not after a round trip
    return list;
  }

  void set_options(CURL* handle, curl_slist* headers, const std::string& trusted) {
    const auto set = [&](CURLoption option, auto value) {
      if (curl_easy_setopt(handle, option, value) != CURLE_OK)
        throw Error(call_.url, "libcurl refuses an option", "use libcurl 7.85 or newer");
    };
    curl_easy_reset(handle);  // keeps the connection
    set(CURLOPT_URL, call_.url.c_str());
    set(CURLOPT_CUSTOMREQUEST, call_.method.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, call_.method == "GET" ? 1L : 0L);
    set(CURLOPT_MAXREDIRS, 10L);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(call_.connect.count()));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(call_.timeout.count()));
    if (call_.timeout.count() == 0) {
      set(CURLOPT_LOW_SPEED_LIMIT, 1L);  // bytes/s, for ...
      set(CURLOPT_LOW_SPEED_TIME, 60L);  // ... this many seconds: the connection is dead
    }
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TCP_NODELAY, 1L);
    set(CURLOPT_USERAGENT, "nnunet");
    set(CURLOPT_ERRORBUFFER, error_);
    set(CURLOPT_HTTPHEADER, headers);
    set(CURLOPT_BUFFERSIZE, 512L * 1024);
    set(CURLOPT_NOPROXY, no_proxy_.c_str());
    if (!trusted.empty()) set(CURLOPT_CAINFO, trusted.c_str());
    set(CURLOPT_HEADERFUNCTION, &Transfer::header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &Transfer::write);
    set(CURLOPT_WRITEDATA, this);
    if (call_.method != "POST" && call_.method != "PUT") return;
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call_.body.size()));
    set(CURLOPT_UPLOAD_BUFFERSIZE, 1024L * 1024);
    set(CURLOPT_READFUNCTION, &Transfer::read);
    set(CURLOPT_READDATA, this);
    set(CURLOPT_SEEKFUNCTION, &Transfer::seek);  // a kept connection may turn out to be closed: sent again
    set(CURLOPT_SEEKDATA, this);
  }

  static std::size_t read(char* to, std::size_t size, std::size_t count, void* self) {
    return static_cast<Transfer*>(self)->give(to, size * count);
  }

  std::size_t give(char* to, std::size_t most) {
    const std::size_t n = std::min(most, call_.body.size() - given_);
    std::memcpy(to, call_.body.data() + given_, n);
    given_ += n;
    reply_.sent = seconds();
    return n;
  }

  static int seek(void* self, curl_off_t offset, int origin) {
    if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
    static_cast<Transfer*>(self)->given_ = static_cast<std::size_t>(offset);
    return CURL_SEEKFUNC_OK;
  }

  static std::size_t header(char* data, std::size_t size, std::size_t count, void* self) {
    static_cast<Transfer*>(self)->read_header(std::string_view(data, size * count));
    return size * count;
  }

  void read_header(std::string_view line) {
    while (!line.empty() && (line.back() == '\r' || line.back() == '\n' || line.back() == ' ')) line.remove_suffix(1);
    if (line.starts_with("HTTP/")) {  // a new answer, after a redirection for instance
      reply_.headers.clear();
      reply_.status = 0;
      reply_.began = seconds();  // libcurl's own figure is that of the first byte sent
      if (const auto space = line.find(' '); space != std::string_view::npos) {
        const std::string_view digits = line.substr(space + 1, 3);
        std::from_chars(digits.data(), digits.data() + digits.size(), reply_.status);
      }
      return;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return;
    std::string name(line.substr(0, colon));
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    line.remove_prefix(colon + 1);
    while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    reply_.headers[name] = line;
  }

  static std::size_t write(char* data, std::size_t size, std::size_t count, void* self) {
    return static_cast<Transfer*>(self)->take({data, size * count}) ? size * count : 0;
  }

  bool take(std::string_view part) {
    if (receive_) return receive_(reply_, part);
    if (reply_.body.empty()) reserve_body();
    reply_.body.append(part);
    return true;
  }

  /// As the server announces it, within reason.
  void reserve_body() {
    constexpr std::size_t most = std::size_t{64} << 20;
    const std::string& length = reply_.header("content-length");
    std::size_t size = 0;
    std::from_chars(length.data(), length.data() + length.size(), size);
    reply_.body.reserve(std::min(size, most));
  }

  const HttpCall& call_;
  const HttpClient::Receive& receive_;
  const std::string no_proxy_ = direct_hosts();
  const Clock::time_point start_ = Clock::now();
  HttpReply reply_;
  std::size_t given_ = 0;  ///< of the request's body
  char error_[CURL_ERROR_SIZE] = "";
};

void initialise_once() {
  static std::once_flag initialised;
  std::call_once(initialised, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

const std::string& HttpReply::header(const std::string& lower_case_name) const {
  static const std::string none;
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? none : found->second;
}

void HttpClient::Close::operator()(void* handle) const {
  curl_easy_cleanup(handle);
}

HttpClient::HttpClient() : trusted_(system_certificates()) {
  initialise_once();
  handle_.reset(curl_easy_init());
  if (!handle_) throw std::bad_alloc();
}

HttpClient::~HttpClient() = default;

void HttpClient::trust(const std::string& file) {
  trusted_ = file;
}

HttpReply HttpClient::send(const HttpCall& call, const Receive& receive) {
  return Transfer(call, receive).run(handle_.get(), trusted_);
}

}  // namespace nnunet
