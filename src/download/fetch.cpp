#include <curl/curl.h>
#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/progress.h"
#include "nnunet/download/download.h"

namespace nnunet {

namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kMegabyte = 1000000;
constexpr int kAttempts = 5;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct CloseCurl {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};

fs::path with_suffix(const fs::path& file, const char* suffix) {
  return fs::path(file.string() + suffix);
}

std::int64_t size_or_zero(const fs::path& file) {
  std::error_code none;
  const auto size = fs::file_size(file, none);
  return none ? 0 : static_cast<std::int64_t>(size);
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0 ? std::optional(value) : std::nullopt;
}

/// One request for the rest of a file: where its answer goes and what is known of it.
class Transfer {
 public:
  Transfer(const std::string& url, const fs::path& file)
      : url_(url),
        name_(file.filename().string()),
        part_(with_suffix(file, ".part")),
        tag_file_(with_suffix(file, ".part.tag")) {}

  /// True when the file is whole; false when it is worth trying again. Throws Error when it is not.
  bool run() {
    offset_ = size_or_zero(part_);
    const std::string tag = read_tag();
    if (tag.empty()) offset_ = 0;  // nothing says that what is there belongs to this file
    const std::unique_ptr<CURL, CloseCurl> handle(curl_easy_init());
    if (!handle) throw std::bad_alloc();
    std::unique_ptr<curl_slist, FreeList> headers;
    if (offset_ > 0) headers.reset(curl_slist_append(nullptr, fmt::format("If-Range: {}", tag).c_str()));
    set_options(handle.get(), headers.get());
    const CURLcode code = curl_easy_perform(handle.get());
    progress_.reset();
    if (file_ && std::fflush(file_.get()) != 0) write_error_ = errno;
    file_.reset();
    if (write_error_ != 0)
      throw Error(part_.string(), fmt::format("writing failed ({})", std::strerror(write_error_)),
                  "free some space, or choose another --results");
    if (!refusal_.empty()) throw Error(url_, refusal_, "check --url, or try again later");
    if (status_ == 416) return answer_416();
    if (code == CURLE_OK && (status_ == 200 || status_ == 206)) {
      if (total_ >= 0 && offset_ != total_) {
        reason_ = fmt::format("{} of {} bytes came", offset_, total_);
        return false;
      }
      if (status_ == 200 && offset_ == 0) fs::remove(part_), std::ofstream(part_);
      return true;
    }
    if (status_ >= 400 && status_ != 408 && status_ != 429 && status_ < 500)
      throw Error(url_, fmt::format("the server answered with HTTP status {}", status_),
                  "check --url, or download the archive by hand and unpack it");
    if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT || code == CURLE_PEER_FAILED_VERIFICATION)
      throw Error(url_, curl_easy_strerror(code), "give an http or https address in --url");
    reason_ = code == CURLE_OK    ? fmt::format("HTTP status {}", status_)
              : error_[0] != '\0' ? error_
                                  : curl_easy_strerror(code);
    return false;
  }

  const std::string& reason() const { return reason_; }
  std::int64_t received() const { return offset_; }

 private:
  void set_options(CURL* handle, curl_slist* headers) {
    const auto set = [&](CURLoption option, auto value) {
      if (curl_easy_setopt(handle, option, value) != CURLE_OK)
        throw Error(url_, "libcurl refuses an option", "use libcurl 7.85 or newer");
    };
    set(CURLOPT_URL, url_.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, 10L);
    set(CURLOPT_CONNECTTIMEOUT, 30L);
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);  // bytes/s, for ...
    set(CURLOPT_LOW_SPEED_TIME, 60L);  // ... this many seconds: the connection is dead
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_USERAGENT, "nnunet");
    set(CURLOPT_ERRORBUFFER, error_);
    set(CURLOPT_WRITEFUNCTION, &Transfer::write);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERFUNCTION, &Transfer::header);
    set(CURLOPT_HEADERDATA, this);
    if (offset_ > 0) set(CURLOPT_RANGE, fmt::format("{}-", offset_).c_str());
    if (headers != nullptr) set(CURLOPT_HTTPHEADER, headers);
  }

  /// The tag of the remote file that the part belongs to, if it was fetched from this URL.
  std::string read_tag() const {
    std::ifstream file(tag_file_);
    std::string url, tag;
    std::getline(file, url);
    std::getline(file, tag);
    return url == url_ ? tag : "";
  }

  // "Requested range not satisfiable": the part is whole already, or longer than the remote file.
  bool answer_416() {
    if (total_ >= 0 && offset_ == total_) return true;
    fs::remove(part_);
    reason_ = "the part that was there does not fit the remote file";
    return false;
  }

  static std::size_t header(char* data, std::size_t size, std::size_t count, void* self) {
    static_cast<Transfer*>(self)->read_header(std::string_view(data, size * count));
    return size * count;
  }

  void read_header(std::string_view line) {
    while (!line.empty() && (line.back() == '\r' || line.back() == '\n' || line.back() == ' ')) line.remove_suffix(1);
    if (line.starts_with("HTTP/")) {  // a new answer, after a redirection for instance
      const auto space = line.find(' ');
      status_ =
          space == std::string_view::npos ? 0 : static_cast<long>(whole_number(line.substr(space + 1, 3)).value_or(0));
      etag_.clear(), modified_.clear();
      length_ = total_ = range_start_ = -1;
      return;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const std::string key(line.substr(0, colon));
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    const auto is = [&](const char* wanted) { return strcasecmp(key.c_str(), wanted) == 0; };
    if (is("etag"))
      etag_ = value;
    else if (is("last-modified"))
      modified_ = value;
    else if (is("content-length"))
      length_ = whole_number(value).value_or(-1);
    else if (is("content-range"))
      read_content_range(value);
  }

  // "bytes 100-199/200", or "bytes */200" with status 416.
  void read_content_range(std::string_view value) {
    const auto slash = value.find('/');
    if (slash == std::string_view::npos || !value.starts_with("bytes ")) return;
    total_ = whole_number(value.substr(slash + 1)).value_or(-1);
    const auto dash = value.find('-');
    if (dash != std::string_view::npos && dash > 6) range_start_ = whole_number(value.substr(6, dash - 6)).value_or(-1);
  }

  static std::size_t write(char* data, std::size_t size, std::size_t count, void* self) {
    return static_cast<Transfer*>(self)->receive(data, size * count);
  }

  std::size_t receive(const char* data, std::size_t count) {
    if (status_ != 200 && status_ != 206) return count;  // an error page
    if (!file_ && !begin()) return 0;
    if (std::fwrite(data, 1, count, file_.get()) != count) {
      write_error_ = errno;
      return 0;
    }
    const std::int64_t before = offset_ / kMegabyte;
    offset_ += static_cast<std::int64_t>(count);
    if (progress_) progress_->advance(offset_ / kMegabyte - before);
    return count;
  }

  bool begin() {
    if (status_ == 206 && range_start_ != offset_) {
      refusal_ = "the server sent another range than was asked for";
      return false;
    }
    if (status_ == 200) {
      if (offset_ > 0)
        log::info(
            fmt::format("{}: the server does not continue, or the remote file has changed: starting again", name_));
      offset_ = 0;
      total_ = length_;
    }
    file_.reset(std::fopen(part_.c_str(), offset_ > 0 ? "ab" : "wb"));
    // If-Range takes a strong ETag or a date.
    const std::string tag = !etag_.empty() && !etag_.starts_with("W/") ? etag_ : modified_;
    if (!file_ || !(std::ofstream(tag_file_) << url_ << '\n' << tag << '\n').flush()) {
      write_error_ = errno == 0 ? EIO : errno;
      return false;
    }
    const std::string title =
        offset_ > 0 ? fmt::format("download {} (continued at {} MB)", name_, offset_ / kMegabyte) : "download " + name_;
    progress_ = std::make_unique<Progress>(title, total_ < 0 ? 0 : (total_ - offset_) / kMegabyte, "MB");
    return true;
  }

  const std::string& url_;
  std::string name_;
  fs::path part_, tag_file_;
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::unique_ptr<Progress> progress_;
  std::int64_t offset_ = 0;                                   ///< bytes in the part
  std::int64_t total_ = -1, length_ = -1, range_start_ = -1;  ///< as the headers say; -1: not said
  long status_ = 0;
  int write_error_ = 0;
  std::string etag_, modified_, refusal_, reason_;
  char error_[CURL_ERROR_SIZE] = "";
};

}  // namespace

void fetch(const std::string& url, const fs::path& file, std::chrono::milliseconds pause) {
  static std::once_flag initialised;
  std::call_once(initialised, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  std::error_code ignored;
  fs::create_directories(file.parent_path(), ignored);
  std::int64_t most = 0;
  for (int attempt = 1;; ++attempt) {
    Transfer transfer(url, file);
    if (transfer.run()) break;
    if (transfer.received() > most) attempt = 1;
    most = std::max(most, transfer.received());
    if (attempt >= kAttempts)
      throw Error(url, fmt::format("the download failed ({})", transfer.reason()),
                  "check the network and run the command again: it continues where it stopped");
    log::warn(fmt::format("{}: {}; trying again", url, transfer.reason()));
    std::this_thread::sleep_for(pause * (1 << (attempt * 2 - 2)));
  }
  fs::rename(with_suffix(file, ".part"), file);
  fs::remove(with_suffix(file, ".part.tag"), ignored);
}

}  // namespace nnunet
