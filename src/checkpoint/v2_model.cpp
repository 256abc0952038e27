#include "nnunet/checkpoint/v2_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "nnunet/checkpoint/json_value.h"
#include "nnunet/core/error.h"
#include "nnunet/io/regular_file.h"
#include "torch_source.h"
#include "v2_files.h"
#include "v2_keys.h"
#include "v2_root.h"
#include "v2_weights.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using v2_files::ModelFiles;

using v2_keys::kArguments, v2_keys::kMirrorAxes, v2_keys::kTrainer, v2_keys::kWeights;

bool without_weights(std::string_view key) {
  constexpr std::array<std::string_view, 3> plain{kArguments, kTrainer, kMirrorAxes};
  return std::ranges::find(plain, key) != plain.end();
}
/// Not the optimizer's state, which is as large as the weights.
bool with_weights(std::string_view key) {
  return key == kWeights || without_weights(key);
}

/// A checkpoint's file, with the fold that it is.
struct FoldSource {
  std::string fold, name;
  std::shared_ptr<const ByteSource> bytes;
};

/// What a path leads to.
struct Located {
  std::optional<ModelFiles> files;               ///< nothing: a checkpoint alone
  fs::path file;                                 ///< that checkpoint
  std::shared_ptr<const ByteSource> bytes = {};  ///< its bytes, where they are in memory
};

Located locate(const fs::path& path, const std::string& checkpoint) {
  if (!fs::exists(path) && !v2_files::is_zip(path))
    throw Error(path.string(), "there is no such file or folder", "check the path");
  Located found{v2_files::find(path), path};
  if (!found.files && fs::is_directory(path)) found.file = path / checkpoint;
  return found;
}

Located locate(const std::shared_ptr<const ByteSource>& bytes) {
  return {v2_files::find(bytes), bytes->name(), bytes};
}

std::vector<std::string> names_of(const std::vector<V2FoldFiles>& folds, bool with_checkpoints) {
  std::vector<std::string> names;
  for (const V2FoldFiles& fold : folds)
    names.push_back(with_checkpoints ? fmt::format("{} ({})", fold.name, fmt::join(fold.checkpoints, ", "))
                                     : fold.name);
  return names;
}

std::vector<std::string> default_folds(const ModelFiles& files, const std::vector<V2FoldFiles>& there,
                                       const std::string& checkpoint) {
  if (!files.default_folds.empty()) return files.default_folds;
  std::vector<std::string> chosen;
  bool all = false;
  for (const V2FoldFiles& fold : there) {
    if (std::ranges::find(fold.checkpoints, checkpoint) == fold.checkpoints.end()) continue;
    all = all || fold.name == "all";
    if (fold.name != "all") chosen.push_back(fold.name);
  }
  if (chosen.empty() && all) chosen.emplace_back("all");
  if (chosen.empty())
    throw Error(files.name,
                there.empty() ? std::string("it has no folds with checkpoints")
                              : fmt::format("no fold has {}; there are the folds {}", checkpoint,
                                            fmt::join(names_of(there, true), ", ")),
                "choose another checkpoint, or give the folder of a trained model");
  return chosen;
}

std::vector<FoldSource> sources_in(const ModelFiles& files, std::vector<std::string> folds,
                                   const std::string& checkpoint) {
  const std::vector<V2FoldFiles> there = v2_files::folds_of(files);
  if (folds.empty()) folds = default_folds(files, there, checkpoint);
  std::vector<FoldSource> sources;
  for (const std::string& fold : folds) {
    const auto found = std::ranges::find(there, fold, &V2FoldFiles::name);
    if (found == there.end())
      throw Error(
          files.name,
          fmt::format("there is no fold {}, but {}", fold,
                      there.empty() ? "none at all" : fmt::format("{}", fmt::join(names_of(there, false), ", "))),
          "choose other folds, or train this one");
    if (std::ranges::find(found->checkpoints, checkpoint) == found->checkpoints.end())
      throw Error(files.name,
                  fmt::format("the fold {} has no {}, but {}", fold, checkpoint, fmt::join(found->checkpoints, ", ")),
                  "choose another checkpoint");
    const std::string name = fmt::format("fold_{}/{}", fold, checkpoint);
    sources.push_back({fold, files.place(name), nullptr});
  }
  return sources;
}

/// What is told to users as JSON is kept as text.
std::string text_of(const nlohmann::ordered_json& json) {
  return json.dump(4, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

class Reader {
 public:
  Reader(Located located, const std::vector<std::string>& folds, const std::string& checkpoint)
      : located_(std::move(located)) {
    if (located_.files) {
      sources_ = sources_in(*located_.files, folds, checkpoint);
    } else {
      if (!located_.bytes) require_regular_file(located_.file);
      sources_ = {{"", located_.file.string(), nullptr}};
      wanted_folds_ = folds;
    }
  }

  V2Model read(bool weights) {
    V2Model model;
    for (FoldSource& source : sources_) {
      const Value root = load_torch_file(open(source), weights ? with_weights : without_weights);
      if (model.folds.empty()) start(model, source, root);
      V2Fold fold{source.fold, source.name, {*model.plan.network, summary_of(model.plan), {}, {}, model.plan}};
      if (weights)
        fold.checkpoint.state_dict = v2_state(v2_required(root, kWeights, source.name), *model.plan.network,
                                              source.name, model.description.trainer);
      model.folds.push_back(std::move(fold));
      if (!weights) break;
    }
    return model;
  }

 private:
  std::shared_ptr<const ByteSource> open(const FoldSource& source) const {
    if (!located_.files) return located_.bytes ? located_.bytes : open_bytes(located_.file);
    return located_.files->open(source.name.substr(located_.files->name.size() + 1));
  }

  /// The first fold says what all are.
  void start(V2Model& model, FoldSource& source, const Value& root) {
    const Value& arguments = v2_required(root, kArguments, source.name);
    (void)v2_required(root, kWeights, source.name);
    V2Files files = located_.files ? files_beside(model) : files_within(model, source, arguments);
    const V2Training training{v2_trainer(root, source.name), v2_mirror_axes(root, source.name)};
    const std::string& configuration =
        v2_required(arguments, v2_keys::kConfiguration, source.name).as_string(source.name + " (configuration)");
    V2Plan plan = read_v2_plan(files, configuration, training);
    model.plan = std::move(plan.model);
    model.description = std::move(plan.description);
    if (located_.files) model.description.licence = v2_files::licence_of(*located_.files);
  }

  V2Files files_beside(V2Model& model) const {
    const ModelFiles& there = *located_.files;
    model.plans_text = there.text("plans.json");
    model.dataset_text = there.text("dataset.json");
    V2Files files{{}, {}, there.place("plans.json"), there.place("dataset.json")};
    files.plans = parse_v2_json(model.plans_text, files.plans_name);
    files.dataset = parse_v2_json(model.dataset_text, files.dataset_name);
    return files;
  }

  V2Files files_within(V2Model& model, FoldSource& source, const Value& arguments) const {
    V2Files files{value_to_ordered_json(v2_required(arguments, v2_keys::kPlans, source.name)),
                  value_to_ordered_json(v2_required(arguments, v2_keys::kDataset, source.name)),
                  source.name + " (plans)", source.name + " (dataset_json)"};
    model.plans_text = text_of(files.plans);
    model.dataset_text = text_of(files.dataset);
    source.fold = v2_fold_name(arguments, source.name);
    if (!wanted_folds_.empty() && wanted_folds_ != std::vector{source.fold})
      throw Error(source.name, fmt::format("it is the fold {} alone", source.fold),
                  "give the folder of the model to choose folds");
    return files;
  }

  Located located_;
  std::vector<FoldSource> sources_;
  std::vector<std::string> wanted_folds_;
};

/// Whether a file has the parts of nnU-Net v2's checkpoints.
bool is_v2_checkpoint(const std::shared_ptr<const ByteSource>& bytes) {
  const Value root = load_torch_file(bytes, [](std::string_view) { return false; });
  return root.find(kWeights) != nullptr && root.find(kArguments) != nullptr;
}
bool is_v2_checkpoint(const fs::path& file) {
  try {
    require_regular_file(file);
    return is_v2_checkpoint(open_bytes(file));
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

bool is_v2_model(const fs::path& path) {
  std::error_code failure;
  if (v2_files::is_zip(path)) return true;
  if (fs::is_directory(path, failure)) {
    if (fs::exists(path / "plans.json", failure) && fs::exists(path / "dataset.json", failure)) return true;
    const fs::path whole = fs::absolute(path / "").parent_path();
    if (!whole.filename().string().starts_with("fold_")) return false;
    for (fs::directory_iterator it(path, failure), end; !failure && it != end; it.increment(failure))
      if (it->path().extension() == ".pth") return true;
    return false;
  }
  return fs::is_regular_file(path, failure) && is_v2_checkpoint(path);
}

std::vector<V2FoldFiles> v2_folds(const fs::path& path) {
  if (const auto files = v2_files::find(path)) {
    std::vector<V2FoldFiles> folds = v2_files::folds_of(*files);
    if (!files->default_folds.empty())
      std::erase_if(folds, [&](const V2FoldFiles& fold) { return fold.name != files->default_folds.front(); });
    return folds;
  }
  const V2Model alone = Reader(locate(path, kV2Checkpoint), {}, kV2Checkpoint).read(false);
  return {{alone.folds.front().name, {fs::path(alone.folds.front().source).filename().string()}}};
}

V2Model read_v2_model(const fs::path& path, const std::vector<std::string>& folds, const std::string& checkpoint) {
  return Reader(locate(path, checkpoint), folds, checkpoint).read(true);
}

bool is_v2_model(std::span<const std::byte> file, const std::string& name) {
  const auto bytes = bytes_in_memory(file, name);
  return v2_files::find(bytes).has_value() || is_v2_checkpoint(bytes);
}

V2Model read_v2_model(std::span<const std::byte> file, const std::string& name, const std::vector<std::string>& folds,
                      const std::string& checkpoint) {
  return Reader(locate(bytes_in_memory(file, name)), folds, checkpoint).read(true);
}

V2Plan read_v2_model_plan(const fs::path& path, const std::vector<std::string>& folds, const std::string& checkpoint) {
  V2Model model = Reader(locate(path, checkpoint), folds, checkpoint).read(false);
  return {std::move(model.plan), std::move(model.description)};
}

}  // namespace nnunet
