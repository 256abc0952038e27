#include "dicom/dcmtk/instance_stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

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

  OFBool good() const override { return !too_large_ && reason_ == 0; }
  OFCondition status() const override { return good() ? EC_Normal : EC_InvalidStream; }
  OFBool isFlushed() const override { return OFTrue; }
  offile_off_t avail() const override { return static_cast<offile_off_t>(std::min(left_, kMost)); }
  void flush() override {}

  offile_off_t write(const void* bytes, offile_off_t count) override {
    const auto wanted = static_cast<std::uint64_t>(count);
    if (wanted > left_) too_large_ = true;
    std::uint64_t done = 0;
    while (good() && done < wanted) {
      const ssize_t n = ::write(file_, static_cast<const char*>(bytes) + done, wanted - done);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) reason_ = n < 0 ? errno : ENOSPC;
      if (n > 0) done += static_cast<std::uint64_t>(n);
    }
    left_ -= done;
    return static_cast<offile_off_t>(done);
  }

  bool too_large() const { return too_large_; }
  int reason() const { return reason_; }

 private:
  static constexpr std::uint64_t kMost = std::uint64_t{1} << 62U;

  int file_;
  std::uint64_t left_;
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
int InstanceStream::reason() const {
  return consumer_->reason();
}

}  // namespace nnunet::dicom
