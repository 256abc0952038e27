#include "dicom/dcmtk/instance_stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <system_error>
#include <vector>

namespace nnunet::dicom {

class InstanceStream::Consumer final : public DcmConsumer {
 public:
  Consumer(const std::filesystem::path& file, std::uint64_t most_bytes)
      : file_(::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC)), left_(most_bytes) {
    if (file_ < 0) throw std::system_error(errno, std::generic_category());
  }
  ~Consumer() override { ::close(file_); }
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  OFBool good() const override { return OFTrue; }
  OFCondition status() const override { return EC_Normal; }
  OFBool isFlushed() const override { return OFTrue; }
  offile_off_t avail() const override { return kMost; }
  void flush() override {
    std::span<const char> rest(waiting_);
    while (reason_ == 0 && !rest.empty()) {
      const ssize_t n = ::write(file_, rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) reason_ = n < 0 ? errno : ENOSPC;
      if (n > 0) rest = rest.subspan(static_cast<std::size_t>(n));
    }
    waiting_.clear();
  }

  /// Elements come a few bytes at a time.
  offile_off_t write(const void* bytes, offile_off_t count) override {
    if (static_cast<std::uint64_t>(count) > left_) too_large_ = true;
    if (too_large_ || reason_ != 0) return count;  // forgotten
    const auto* const begin = static_cast<const char*>(bytes);
    waiting_.insert(waiting_.end(), begin, begin + count);
    left_ -= static_cast<std::uint64_t>(count);
    if (waiting_.size() >= kPiece) flush();
    return count;
  }

  bool too_large() const { return too_large_; }
  int reason() const { return reason_; }

 private:
  static constexpr offile_off_t kMost = offile_off_t{1} << 62U;
  static constexpr std::size_t kPiece = std::size_t{64} << 10U;

  int file_;
  std::uint64_t left_;
  std::vector<char> waiting_;
  bool too_large_ = false;
  int reason_ = 0;
};

class InstanceStream::Stream final : public DcmOutputStream {
 public:
  explicit Stream(Consumer& consumer) : DcmOutputStream(&consumer) {}
};

InstanceStream::InstanceStream(const std::filesystem::path& file, std::uint64_t most_bytes)
    : consumer_(std::make_unique<Consumer>(file, most_bytes)), stream_(std::make_unique<Stream>(*consumer_)) {}

InstanceStream::~InstanceStream() = default;

DcmOutputStream& InstanceStream::stream() {
  return *stream_;
}
bool InstanceStream::too_large() const {
  return consumer_->too_large();
}
int InstanceStream::finish() {
  consumer_->flush();
  return consumer_->reason();
}

}  // namespace nnunet::dicom
