#pragma once
#include <chrono>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "nnunet/v2/python_json.h"

namespace nnunet {

/// The stage's name of one training.
std::string training_stage(const std::string& configuration, const std::string& fold);

/// auto.json: what a run of `nnunet auto` was asked for, and which stages are done, with their times and results.
class AutoRecord {
 public:
  /// Reads the file where it is there. Throws Error where it is none of these.
  explicit AutoRecord(std::filesystem::path file);

  bool empty() const { return content_["stages"].empty(); }  ///< no stage is done
  /// Null where nothing was asked yet.
  v2::Json asked() const { return content_.value("asked", v2::Json()); }
  void set_asked(v2::Json asked);

  bool done(const std::string& stage) const { return content_["stages"].contains(stage); }
  /// What the stage, which is done, noted.
  const v2::Json& result(const std::string& stage) const { return content_["stages"].at(stage).at("result"); }
  void finish(const std::string& stage, double seconds, v2::Json result);
  /// In their order.
  std::vector<std::pair<std::string, double>> seconds() const;
  double all_seconds() const;

  /// Does the work of a stage that is not done yet, a function without arguments that returns what is to be noted.
  template <class Work>
  const v2::Json& stage(const std::string& name, Work&& work) {
    if (!done(name)) {
      announce(name);
      const auto start = std::chrono::steady_clock::now();
      v2::Json found = work();
      finish(name, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), std::move(found));
    }
    return result(name);
  }

 private:
  static void announce(const std::string& name);
  void save() const;

  std::filesystem::path file_;
  v2::Json content_;
};

}  // namespace nnunet
