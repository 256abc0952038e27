#pragma once
#include <arpa/inet.h>
#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace nnunet::test {

struct Reply {
  long status = 0;  ///< 0: no answer
  std::string body;
  std::map<std::string, std::string> headers;  ///< names in lower case
};

/// A part of a form as `curl -F` sends it.
struct FormField {
  std::string name, content;
  std::string filename{};  ///< empty: the part is no file
};

/// One request by libcurl. form: sent instead of the body unless it is empty.
inline Reply request(std::uint16_t port, const std::string& method, const std::string& path,
                     const std::string& body = {}, const std::vector<std::string>& headers = {},
                     const std::vector<FormField>& form = {}) {
  Reply reply;
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  const std::unique_ptr<curl_mime, void (*)(curl_mime*)> mime(form.empty() ? nullptr : curl_mime_init(curl.get()),
                                                              curl_mime_free);
  const std::string url = "http://127.0.0.1:" + std::to_string(port) + path;
  curl_slist* list = nullptr;
  for (const std::string& header : headers) list = curl_slist_append(list, header.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 60L);
  for (const FormField& field : form) {
    curl_mimepart* const part = curl_mime_addpart(mime.get());
    curl_mime_name(part, field.name.c_str());
    curl_mime_data(part, field.content.data(), field.content.size());
    if (!field.filename.empty()) curl_mime_filename(part, field.filename.c_str());
  }
  if (mime) {
    curl_easy_setopt(curl.get(), CURLOPT_MIMEPOST, mime.get());
  } else if (method == "POST") {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.data());
  }
  const auto write = +[](char* data, std::size_t size, std::size_t n, void* to) {
    static_cast<Reply*>(to)->body.append(data, size * n);
    return size * n;
  };
  const auto header = +[](char* data, std::size_t size, std::size_t n, void* to) {
    std::string line(data, size * n);
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos) {
      std::string name = line.substr(0, colon);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      static_cast<Reply*>(to)->headers[name] = line.substr(colon + 2, line.find('\r') - colon - 2);
    }
    return size * n;
  };
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, write);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &reply);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERFUNCTION, header);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERDATA, &reply);
  if (curl_easy_perform(curl.get()) == CURLE_OK) curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &reply.status);
  curl_slist_free_all(list);
  return reply;
}

/// A connection for what no HTTP library would send.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  ~RawClient() { ::close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  void send(const std::string& bytes) const {
    [[maybe_unused]] const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  /// What comes first, at least a byte.
  std::string read_some() const {
    char buffer[4096];
    const ssize_t n = ::recv(socket_, buffer, sizeof buffer, 0);
    return {buffer, static_cast<std::size_t>(n < 0 ? 0 : n)};
  }
  /// Until the server closes.
  std::string read_all() const {
    std::string all;
    char buffer[4096];
    for (ssize_t n; (n = ::recv(socket_, buffer, sizeof buffer, 0)) > 0;)
      all.append(buffer, static_cast<std::size_t>(n));
    return all;
  }

 private:
  int socket_;
  bool connected_ = false;
};

}  // namespace nnunet::test
