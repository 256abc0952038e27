#include "nnunet/v2/predict_script.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHead = R"sh(#!/bin/sh
# Segments the images of a folder (CASE_0000, CASE_0001, .. as in training).
set -eu
if [ $# -lt 2 ]; then
  echo "usage: $0 IMAGES LABEL_MAPS [flags of nnUNetv2_predict_from_modelfolder]" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
images=$1 labels=$2
shift 2
)sh";

/// Within the script's folder: relative to it.
std::string place(const fs::path& path, const fs::path& folder) {
  const fs::path relative = path.lexically_relative(folder);
  if (relative.empty() || *relative.begin() == "..") return shell_word(path.string());
  return fmt::format("\"$here\"/{}", shell_word(relative.string()));
}

class Script {
 public:
  Script(const PredictionRoute& route, fs::path folder) : route_(route), folder_(std::move(folder)) {}

  std::string text(const fs::path& program) {
    text_ = kHead;
    text_ += fmt::format("nnunet={}\n[ -x \"$nnunet\" ] || nnunet=nnunet\n", shell_word(program.string()));
    const bool ensemble = route_.models.size() > 1, postprocessed = !route_.postprocessing.empty();
    const std::string unprocessed = postprocessed ? step("unprocessed") : "\"$labels\"";
    std::vector<std::string> outputs;
    for (std::size_t i = 0; i < route_.models.size(); ++i) {
      outputs.push_back(ensemble ? step(fmt::format("model_{}", i + 1)) : unprocessed);
      predict(route_.models[i], outputs.back(), fmt::format("previous_stage_{}", i + 1), ensemble);
    }
    if (ensemble) text_ += fmt::format("\"$nnunet\" v2 ensemble -i {} -o {}\n", fmt::join(outputs, " "), unprocessed);
    if (postprocessed)
      text_ += fmt::format("\"$nnunet\" v2 apply_postprocessing -i {} -o \"$labels\" -pp_pkl_file {} -plans_json {}\n",
                           unprocessed, place(route_.postprocessing, folder_), place(route_.plans, folder_));
    if (has_steps_) text_ += "rm -r \"$labels\"/.steps\n";
    return text_;
  }

 private:
  /// A folder of what is made on the way.
  std::string step(const std::string& name) {
    has_steps_ = true;
    return fmt::format("\"$labels\"/.steps/{}", name);
  }

  void predict(const PredictingModel& model, const std::string& output, const std::string& previous_name,
               bool probabilities) {
    std::string more = probabilities ? " --save_probabilities" : "";
    if (!model.previous_stage.empty()) {
      const std::string previous = step(previous_name);
      run(model.previous_stage, previous, "");
      more += fmt::format(" -prev_stage_predictions {}", previous);
    }
    run(model.folder, output, more);
  }

  void run(const fs::path& model, const std::string& output, const std::string& more) {
    text_ += fmt::format("\"$nnunet\" v2 predict_from_modelfolder -i \"$images\" -o {} -m {} -f {}{} \"$@\"\n", output,
                         place(model, folder_), fmt::join(route_.folds, " "), more);
  }

  const PredictionRoute& route_;
  fs::path folder_;
  std::string text_;
  bool has_steps_ = false;
};

}  // namespace

std::string shell_word(const std::string& text) {
  const bool plain = !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '/' || c == '_' || c == '-' || c == '.' || c == '+' || c == ',';
  });
  if (plain) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string predict_script(const PredictionRoute& route, const fs::path& script_folder, const fs::path& program) {
  return Script(route, script_folder).text(program);
}

}  // namespace nnunet::v2
