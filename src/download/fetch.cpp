#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <thread>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/progress.h"
#include "nnunet/download/download.h"
#include "nnunet/http/http_client.h"

namespace nnunet {

namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kMegabyte = 1000000;
constexpr int kAttempts = 5;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
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
    HttpCall call;
    call.url = url_;
    if (offset_ > 0) call.headers = {fmt::format("Range: bytes={}-", offset_), "If-Range: " + tag};
    const HttpReply reply =
        client_.send(call, [this](const HttpReply& head, std::string_view part) { return receive(head, part); });
    read_sizes(reply);  // an answer without a body, too
    progress_.reset();
    if (file_ && std::fflush(file_.get()) != 0) write_error_ = errno;
    file_.reset();
    if (write_error_ != 0)
      throw Error(part_.string(), fmt::format("writing failed ({})", std::strerror(write_error_)),
                  "free some space, or choose another --results");
    if (!refusal_.empty()) throw Error(url_, refusal_, "check the address, or try again later");
    if (reply.status == 416) return answer_416();
    if (reply.broken.empty() && (reply.status == 200 || reply.status == 206)) {
      if (total_ >= 0 && offset_ != total_) {
        reason_ = fmt::format("{} of {} bytes came", offset_, total_);
        return false;
      }
      if (reply.status == 200 && offset_ == 0) fs::remove(part_), std::ofstream(part_);
      return true;
    }
    if (reply.status >= 400 && reply.status != 408 && reply.status != 429 && reply.status < 500)
      throw Error(url_, fmt::format("the server answered with HTTP status {}", reply.status),
                  "check the address, or download the archive by hand and unpack it");
    if (reply.hopeless) throw Error(url_, reply.broken, "give an http or https address");
    reason_ = reply.broken.empty() ? fmt::format("HTTP status {}", reply.status) : reply.broken;
    return false;
  }

  const std::string& reason() const { return reason_; }
  std::int64_t received() const { return offset_; }

 private:
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

  void read_sizes(const HttpReply& reply) {
    length_ = whole_number(reply.header("content-length")).value_or(-1);
    if (reply.status != 200) read_content_range(reply.header("content-range"));
  }

  // "bytes 100-199/200", or "bytes */200" with status 416.
  void read_content_range(std::string_view value) {
    const auto slash = value.find('/');
    if (slash == std::string_view::npos || !value.starts_with("bytes ")) return;
    total_ = whole_number(value.substr(slash + 1)).value_or(-1);
    const auto dash = value.find('-');
    if (dash != std::string_view::npos && dash > 6) range_start_ = whole_number(value.substr(6, dash - 6)).value_or(-1);
  }

  bool receive(const HttpReply& head, std::string_view part) {
    if (head.status != 200 && head.status != 206) return true;  // an error page
    if (!file_ && !begin(head)) return false;
    if (std::fwrite(part.data(), 1, part.size(), file_.get()) != part.size()) {
      write_error_ = errno;
      return false;
    }
    const std::int64_t before = offset_ / kMegabyte;
    offset_ += static_cast<std::int64_t>(part.size());
    if (progress_) progress_->advance(offset_ / kMegabyte - before);
    return true;
  }

  bool begin(const HttpReply& head) {
    read_sizes(head);
    if (head.status == 206 && range_start_ != offset_) {
      refusal_ = "the server sent another range than was asked for";
      return false;
    }
    if (head.status == 200) {
      if (offset_ > 0)
        log::info(
            fmt::format("{}: the server does not continue, or the remote file has changed: starting again", name_));
      offset_ = 0;
      total_ = length_;
    }
    file_.reset(std::fopen(part_.c_str(), offset_ > 0 ? "ab" : "wb"));
    // If-Range takes a strong ETag or a date.
    const std::string& etag = head.header("etag");
    const std::string tag = !etag.empty() && !etag.starts_with("W/") ? etag : head.header("last-modified");
    if (!file_ || !(std::ofstream(tag_file_) << url_ << '\n' << tag << '\n').flush()) {
      write_error_ = errno == 0 ? EIO : errno;
      return false;
    }
    const std::string title =
        offset_ > 0 ? fmt::format("download {} (continued at {} MB)", name_, offset_ / kMegabyte) : "download " + name_;
    progress_ = std::make_unique<Progress>(title, total_ < 0 ? 0 : (total_ - offset_) / kMegabyte, "MB");
    return true;
  }

  HttpClient client_;
  const std::string& url_;
  std::string name_;
  fs::path part_, tag_file_;
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::unique_ptr<Progress> progress_;
  std::int64_t offset_ = 0;                                   ///< bytes in the part
  std::int64_t total_ = -1, length_ = -1, range_start_ = -1;  ///< as the headers say; -1: not said
  int write_error_ = 0;
  std::string refusal_, reason_;
};

}  // namespace

void fetch(const std::string& url, const fs::path& file, std::chrono::milliseconds pause) {
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
