#pragma once
#include "nnunet/plan/label_spec.h"
#include "nnunet/preprocess/case.h"

namespace nnunet {

/// A cascade's second stage sees the label map of the first (the case's `label`, which is taken out): one channel more
/// for each foreground label, 1 where the map has it.
void append_label_channels(PreprocessedCase& c, const LabelSpec& labels);

}  // namespace nnunet
