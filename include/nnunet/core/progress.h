#pragma once
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace nnunet {

/// Progress of a long job with an estimate of the time left: one line redrawn in place on a terminal, a plain line
/// now and then (at most every 10 s, and at the end) elsewhere. Thread-safe.
///   Progress progress("preprocess", cases.size(), "cases");
///   ... progress.advance(); ...            // from any thread
class Progress {
 public:
  Progress(std::string title, std::int64_t total, std::string unit);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// note: shown after the counts, for instance the current loss.
  void advance(std::int64_t count = 1, std::string_view note = {});
  /// under_way: how much of the items that are being worked on is done, in items; counts for the ETA.
  void update(double under_way, std::string_view note);
  /// Ends the line; called by the destructor if it was not called before.
  void finish();

 private:
  void draw_now_and_then();
  void draw(bool last);

  std::string title_, unit_, note_;
  std::int64_t total_, done_ = 0;
  double under_way_ = 0;
  bool terminal_, finished_ = false;
  std::chrono::steady_clock::time_point start_, drawn_;
  std::mutex mutex_;
};

/// "1 h 02 min", "3 min 20 s", "4.2 s".
std::string format_duration(double seconds);

}  // namespace nnunet
