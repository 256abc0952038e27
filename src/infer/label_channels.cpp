#include "nnunet/infer/label_channels.h"

#include <set>

namespace nnunet {

void append_label_channels(PreprocessedCase& c, const LabelSpec& labels) {
  std::set<int> foreground;
  for (const LabelEntry& entry : labels.entries) foreground.insert(entry.values.begin(), entry.values.end());
  foreground.erase(0);
  const auto& previous = c.label->values;
  c.x.values.reserve(c.x.values.size() + foreground.size() * previous.size());
  for (const int label : foreground)
    for (const std::int16_t value : previous) c.x.values.push_back(value == label ? 1.0F : 0.0F);
  c.x.shape[0] += static_cast<std::int64_t>(foreground.size());
  c.label.reset();
}

}  // namespace nnunet
