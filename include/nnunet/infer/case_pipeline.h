#pragma once
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/infer/predictor.h"
#include "nnunet/infer/restore.h"
#include "nnunet/infer/watched_lane.h"
#include "nnunet/io/image_case.h"
#include "nnunet/io/output_record.h"

namespace nnunet {

/// What is done to the cases of a prediction before and after the network. read and write of other cases run beside
/// each other and beside the network, so what they keep between their calls must be kept case by case.
class CaseStages {
 public:
  virtual ~CaseStages() = default;
  virtual std::size_t cases() const = 0;
  virtual std::string name(std::size_t i) const = 0;
  /// Reads and preprocesses. threads: how many may work on it (0: all cores).
  virtual PreprocessedCase read(std::size_t i, int threads) = 0;
  /// Where the logits of the preprocessed volume go.
  virtual RestoreSink restore(std::size_t i, const PreprocessedCase& c) = 0;
  /// Who else gets them; asked after restore.
  virtual std::vector<LogitSink*> others(std::size_t /*i*/) { return {}; }
  /// After the last window.
  virtual void write(std::size_t i, RestoreSink& restored, const WindowReport& report) = 0;
  /// Whatever of these threw it. Says it in the log.
  virtual void failed(std::size_t i, const std::exception& e);
};

/// How the windows of the cases go; as it is, as the predictor's own.
struct CasePasses {
  std::optional<WindowOptions> windows = {};
  std::function<LaneWatch(std::size_t i)> watch = {};  ///< of each case's pass; may be empty
  int threads = 0;                                     ///< that read a case at most; 0: all cores
};

struct CaseCounts {
  std::int64_t predicted = 0, failed = 0;
};

/// Writes the label map of a restored case on its file's axes and with its geometry.
void write_restored_labels(const std::filesystem::path& path, RestoreSink& restored, const CaseImage& image,
                           const ImageFormat& format);

/// The same with its record (io/output_record.h); call forget_output before.
void write_recorded_labels(const std::filesystem::path& path, RestoreSink& restored, const CaseImage& image,
                           const ImageFormat& format, OutputRecord record);

/// A line in the log: the network's time and that after the last window. To be called when all is written.
void log_case_time(const std::string& name, const WindowReport& report);

/// Runs the stages of all cases one after the other, at most one case in each: read (beside), network (here), write
/// (beside). A case that fails is reported, and the others go on. progress: whether a line says how far it is. Throws
/// Cancelled where the passes do.
CaseCounts predict_cases(Predictor& predictor, CaseStages& stages, bool progress = true, CasePasses passes = {});

}  // namespace nnunet
