#pragma once
#include <cstddef>
#include <filesystem>
#include <set>

#include "nnunet/report/dllogger.h"
#include "nnunet/train/history.h"

namespace nnunet {

/// The log of a training: a line an evaluated epoch. A training that is continued leaves the log that an undisturbed
/// one would have left: lines of epochs that are done again are taken out, lines that a killed process could not write
/// any more are added.
class EpochLog {
 public:
  /// history: what is done already; empty: the file is begun anew.
  EpochLog(const std::filesystem::path& file, const History& history);
  /// The history's epoch of that index, if it was evaluated.
  void add(const History& history, std::size_t index);

 private:
  std::set<std::int64_t> kept_;  ///< epochs that the file held at the start
  DllLogger logger_;
};

}  // namespace nnunet
