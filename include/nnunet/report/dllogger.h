#pragma once
#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json_fwd.hpp>

namespace nnunet {

/// To so many decimals, as the reference's logs show their values.
double rounded(double value, int digits);

/// Writes lines as NVIDIA's dllogger (JSONStreamBackend) does, so that its readers read ours:
///   DLLL {"timestamp": "1620000000.25", "datetime": "2021-05-03 00:00:00.250000", "elapsedtime": "1.5", "type": "LOG",
///         "step": 3, "data": {"mean dice": 81.5}}                                            (one line)
/// timestamp: Unix time, s; datetime: local time; elapsedtime: s since the logger was made. JSON is spaced and escaped
/// as by Python's json.dumps, floats are the shortest that read back the same, NaN and infinities are NaN, Infinity.
/// Every line is flushed. Thread-safe.
///   DllLogger log(results / "logs.json", resume);
///   log.log(epoch, {{"mean dice", 81.5}});
class DllLogger {
 public:
  /// append: go on after what the file holds (a half line at its end is closed first); else it is emptied.
  /// Missing parent folders are made. Throws Error if it cannot be written.
  explicit DllLogger(const std::filesystem::path& file, bool append);

  /// step: an epoch, or an empty array for a summary. Throws Error if it cannot be written (disk full).
  void log(const nlohmann::ordered_json& step, const nlohmann::ordered_json& data);

 private:
  std::filesystem::path path_;
  std::ofstream file_;
  std::chrono::steady_clock::time_point start_;
  std::mutex mutex_;
};

}  // namespace nnunet
