#include "v2_root.h"

#include <fmt/format.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "v2_keys.h"

namespace nnunet {

const Value& v2_required(const Value& value, const char* key, const std::string& source) {
  const Value* found = value.find(key);
  if (found == nullptr)
    throw Error(source, fmt::format("this is no checkpoint of nnU-Net v2 (it lacks \"{}\")", key),
                "give a checkpoint_*.pth that nnU-Net v2 wrote");
  return *found;
}

std::vector<int> v2_mirror_axes(const Value& root, const std::string& source) {
  const std::string what = fmt::format("{} ({})", source, v2_keys::kMirrorAxes);
  const Value* axes = root.find(v2_keys::kMirrorAxes);
  std::vector<int> found;
  if (axes == nullptr || axes->is_none()) return found;
  for (const Value& axis : axes->as_list(what)) {
    const std::int64_t number = axis.as_int(what);
    if (number < 0 || number > 2)
      throw Error(source, fmt::format("\"{}\" holds {}, there are the axes 0 to 2", v2_keys::kMirrorAxes, number),
                  "use another checkpoint");
    found.push_back(static_cast<int>(number));
  }
  std::ranges::sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::string v2_fold_name(const Value& arguments, const std::string& source) {
  const Value* fold = arguments.find(v2_keys::kFold);
  if (fold == nullptr || fold->is_none()) return "0";
  if (const auto* name = std::get_if<std::string>(&fold->data)) return *name;
  return std::to_string(fold->as_int(source + " (fold)"));
}

std::string v2_trainer(const Value& root, const std::string& source) {
  const Value* name = root.find(v2_keys::kTrainer);
  return name == nullptr ? "nnUNetTrainer" : name->as_string(source);
}

}  // namespace nnunet
