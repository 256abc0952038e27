#include "nnunet/dicom/node.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "incoming_instances.h"
#include "library.h"
#include "nnunet/core/cancelled.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/digest.h"

namespace nnunet::dicom {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// A copy of the object in the user's folder, under a name that is free or has the same content already.
void copy_to(const fs::path& folder, const fs::path& object) {
  const std::string digest = digest_of_file(object);
  fs::path target = folder / object.filename();
  for (int i = 2; fs::exists(target); ++i) {
    if (digest_of_file(target) == digest) return;
    target = folder / fmt::format("{}-{}.dcm", object.stem().string(), i);
  }
  write_atomically(target, [&](const fs::path& temporary) { fs::copy_file(object, temporary); });
  log::info(fmt::format("{}: written", target.string()));
}

/// When a series' object is sent again.
struct Retry {
  std::int64_t attempts = 0;
  Clock::time_point next{};
  std::set<std::string> delivered;  ///< digests of its objects that need not be
};

}  // namespace

class Node::Impl {
 public:
  Impl(const NodeOptions& options, ObjectDelivery deliver)
      : options_(options),
        deliver_(std::move(deliver)),
        reader_(library()),
        spool_(options.spool),
        instances_(spool_, options.network.max_instance_bytes),
        server_(listen_for_instances(options.network, instances_)),
        thread_([this] { deliver_objects(); }) {}

  ~Impl() { drain(std::chrono::milliseconds(0)); }

  std::uint16_t port() const { return server_->port(); }

  bool segment_next(const SeriesSegmenter& segment, const std::function<bool()>& stop) {
    spool_.promote(instances_.held_series());
    const auto job = spool_.next_waiting();
    if (!job) return false;
    try {
      segment_job(*job, segment, stop);
    } catch (const Cancelled&) {
      spool_.release(*job);
    } catch (const std::exception& e) {
      fail(*job, e.what());
    }
    return true;
  }

  bool drain(std::chrono::milliseconds limit) {
    if (!thread_.joinable()) return true;
    const bool drained = server_->drain(limit);
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
    return drained;
  }

 private:
  void segment_job(const Spool::Job& job, const SeriesSegmenter& segment, const std::function<bool()>& stop) {
    const std::vector<std::string> now = job.instances(), before = spool_.delivered_before(job);
    const Finding finding = find_series(job.images());
    const std::string left_out = finding.left_out.empty() ? "is no image" : finding.left_out.front().reason;
    if (finding.series.empty()) {
      log::info(fmt::format("{} instances of a series are dropped: the first {}", now.size(), left_out));
      return spool_.drop(job);
    }
    const std::string name = "series " + finding.series.front().series.series_uid;
    for (const FoundSeries& found : finding.series)
      if (!found.problem.empty()) throw Error(name, found.problem, found.remedy);
    if (!std::ranges::includes(now, before))
      throw Error(
          name,
          fmt::format("{} instances came after an object of {} was made and sent, and not all of those came again",
                      now.size(), before.size()),
          "send the whole series again, with a longer --series_timeout where it pauses");
    if (!finding.left_out.empty())
      log::warn(
          fmt::format("{}: {} of its instances are left out: the first {}", name, finding.left_out.size(), left_out));
    for (const FoundSeries& found : finding.series)
      for (const std::string& warning : found.warnings) log::warn(fmt::format("{}: {}", name, warning));
    log::info(fmt::format("{}: {} instances are segmented", name, now.size()));
    segment(finding.series, job.folder, [&] { return stop() || spool_.is_overtaken(job); });
    if (job.objects().size() != finding.series.size()) throw Error(name, "not all objects were made", "see the log");
    spool_.segmented(job);
    wake_.notify_all();
  }

  void fail(const Spool::Job& job, const std::string& reason) {
    const fs::path folder = spool_.failed(job, reason);
    if (folder.empty()) return;
    log::error(reason);
    log::error(fmt::format("{}: the series is kept here; moved into {} it is segmented again", folder.string(),
                           (spool_.folder() / "waiting").string()));
  }

  /// Until drain. Errors of one object do not stop the others.
  void deliver_objects() {
    std::map<std::string, Retry> retries;
    while (!wait_a_little()) {
      try {
        std::erase_if(retries,
                      [&](const auto& retry) { return !fs::exists(spool_.folder() / "segmented" / retry.first); });
        std::set<std::string> not_yet;
        for (const auto& [series, retry] : retries)
          if (Clock::now() < retry.next) not_yet.insert(series);
        const auto job = spool_.next_segmented(not_yet);
        if (!job) continue;
        if (deliver(*job, retries[job->series])) retries.erase(job->series);
      } catch (const std::exception& e) {
        log::error(e.what());
      }
    }
  }

  /// True: it is time to end.
  bool wait_a_little() {
    std::unique_lock lock(mutex_);
    return wake_.wait_for(lock, std::chrono::milliseconds(100), [this] { return stopping_; });
  }

  /// False: it is tried again.
  bool deliver(const Spool::Job& job, Retry& retry) {
    std::string problem;
    try {
      for (const fs::path& object : job.objects()) {
        const std::string digest = digest_of_file(object);
        if (retry.delivered.contains(digest)) continue;
        if (!options_.output.empty()) copy_to(options_.output, object);
        deliver_(object);
        retry.delivered.insert(digest);
      }
      spool_.delivered(job);
      return true;
    } catch (const std::exception& e) {
      problem = e.what();
    }
    ++retry.attempts;
    if (options_.send_attempts > 0 && retry.attempts >= options_.send_attempts) {
      fail(job, fmt::format("{} It was tried {} times.", problem, retry.attempts));
      return true;
    }
    constexpr std::int64_t most_doublings = 20;
    const std::chrono::milliseconds grown = options_.first_wait * (1L << std::min(retry.attempts - 1, most_doublings));
    const std::chrono::milliseconds wait = std::min(options_.longest_wait, grown);
    retry.next = Clock::now() + wait;
    log::warn(fmt::format("{} It is tried again in {:.3g} s", problem, std::chrono::duration<double>(wait).count()));
    spool_.release(job);
    return false;
  }

  const NodeOptions options_;
  const ObjectDelivery deliver_;
  const Library& reader_;  ///< known to be there before anything is received
  Spool spool_;
  IncomingInstances instances_;
  std::unique_ptr<StorageServer> server_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

Node::Node(const NodeOptions& options, ObjectDelivery deliver)
    : impl_(std::make_unique<Impl>(options, std::move(deliver))) {}
Node::~Node() = default;
std::uint16_t Node::port() const {
  return impl_->port();
}
bool Node::segment_next(const SeriesSegmenter& segment, const std::function<bool()>& stop) {
  return impl_->segment_next(segment, stop);
}
bool Node::drain(std::chrono::milliseconds limit) {
  return impl_->drain(limit);
}

}  // namespace nnunet::dicom
