#pragma once
#include <string>
#include <vector>

#include "training_record.h"

namespace nnunet {

/// In what a training differs from the one that it is to continue.
struct ResumeCheck {
  /// Other cases, other contents or meanings of them, another loss: what makes it another training. "fold: 0 before, 1
  /// now".
  std::vector<std::string> refused;
  std::vector<std::string> said;     ///< what else differs and changes the numbers
  std::vector<std::string> unknown;  ///< what an older checkpoint does not say
  std::vector<std::string> leaked;   ///< validation cases that the weights were trained on
  bool epoch_anew = false;  ///< the steps of a half-done epoch are not those that this training would have made
};

ResumeCheck compare_trainings(const TrainingRecord& before, const TrainingRecord& now);

/// Of these validation cases those that were trained on: a case of the same name and task, or with the same content.
std::vector<std::string> leaked_cases(const TrainingRecord& before, const TrainingRecord& now);

/// What `now` goes on from becomes part of its record.
void inherit_cases(const TrainingRecord& before, TrainingRecord& now);

}  // namespace nnunet
