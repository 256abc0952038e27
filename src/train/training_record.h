#pragma once
#include <map>
#include <string>

#include "case_identity.h"
#include "nnunet/checkpoint/checkpoint.h"
#include "nnunet/core/precision.h"
#include "nnunet/data/split.h"
#include "nnunet/train/options.h"

namespace nnunet {

/// What a training is of: its cases, what is in them, and the options that decide how it goes on. Checkpoints keep it,
/// so that a training is not continued as another one by mistake.
struct TrainingRecord {
  DataConfig data;                             ///< without its list of cases
  std::map<std::string, std::string> options;  ///< name of the flag -> value as text
  CaseIdentities train, validation;
  CaseIdentities
      trained_before;     ///< what else the weights have been trained on, in trainings that this one goes on from
  bool has_cases = true;  ///< false: from a version that recorded none
};

/// What is known of how a training runs beside its options.
struct TrainingPlace {
  Precision precision = Precision::fp32;
  bool native = false;  ///< engine
  int processes = 1;
};

/// Reads a little of each case. The options have their defaults filled in.
TrainingRecord training_record(const TrainOptions& options, const PreprocessedFolder& folder, const FoldSplit& fold,
                               const TrainingPlace& place);

/// The parts of Checkpoint::training that the record lies in.
Value options_value(const TrainingRecord& record);
Value cases_value(const TrainingRecord& record);
/// Of a checkpoint that holds a training. Older ones lack options and cases.
TrainingRecord record_of(const Checkpoint& checkpoint, const std::string& source);

}  // namespace nnunet
