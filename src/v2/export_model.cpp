#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "deflating_zip.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/progress.h"
#include "nnunet/v2/cross_validation.h"
#include "nnunet/v2/model_zip.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

constexpr std::array kCrossValidationFiles{"summary.json", "postprocessing.pkl", "postprocessing.json"};

/// The files to pack, in nnU-Net v2's order.
class List {
 public:
  explicit List(const ExportOptions& options) : options_(options) {
    for (const std::string& configuration : options.configurations) add_configuration(configuration);
    add_ensembles();
    for (const char* const name : {"inference_information.json", "inference_information.txt"})
      add_if_there(results_folder() / options.dataset / name);
  }
  const std::vector<fs::path>& files() const { return files_; }

 private:
  void add(const fs::path& file) {
    if (!fs::is_regular_file(file))
      throw Error(file.string(), "is missing", "train the fold to its end, or leave it out by -f, -c, -chk");
    files_.push_back(file);
  }
  void add_if_there(const fs::path& file) {
    if (fs::is_regular_file(file)) files_.push_back(file);
  }

  void add_configuration(const std::string& configuration) {
    const ModelName model{options_.trainer, options_.plans, configuration};
    const fs::path folder = model_folder(options_.dataset, model);
    if (!fs::is_directory(folder))
      throw Error(folder.string(), "there is no such folder: this model is not trained", "name what is trained by -c");
    for (const std::string& fold : options_.folds)
      if (!fs::is_directory(folder / ("fold_" + fold)))
        throw Error(folder.string(), fmt::format("there is no fold {}", fold), "name what is trained by -f");
    for (const std::string& fold : options_.folds) add_fold(folder / ("fold_" + fold));
    add_cross_validation(folder / ("crossval_results_folds_" + folds_text(options_.folds)));
    for (const char* const name : {"plans.json", "dataset_fingerprint.json", "dataset.json"}) add(folder / name);
  }

  void add_fold(const fs::path& fold) {
    add_if_there(fold / "debug.json");
    for (const std::string& checkpoint : options_.checkpoints) add(fold / checkpoint);
    add(fold / "progress.png");
    add_if_there(fold / "network_architecture.pdf");
    if (!options_.cross_validation) return add(fold / "validation" / "summary.json");
    for (const std::string& name : file_names(fold / "validation", ""))
      if (!name.ends_with(".npz") && !name.ends_with(".pkl")) add(fold / "validation" / name);
  }

  void add_cross_validation(const fs::path& folder) {
    if (!fs::is_directory(folder)) return;
    if (options_.cross_validation)
      for (const std::string& name : file_names(folder, "")) add(folder / name);
    else
      for (const char* const name : kCrossValidationFiles) add_if_there(folder / name);
  }

  void add_ensembles() {
    const fs::path folder = results_folder() / options_.dataset / "ensembles";
    if (!fs::is_directory(folder)) return;
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.is_directory()) names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    for (const std::string& name : names)
      if (is_of_these_models(name)) add_cross_validation(folder / name);
  }

  /// ensemble___MODEL___MODEL___0_1_2
  bool is_of_these_models(const std::string& ensemble) const {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= ensemble.size();) {
      const std::size_t end = std::min(ensemble.find("___", at), ensemble.size());
      parts.push_back(ensemble.substr(at, end - at));
      at = end + 3;
    }
    if (parts.size() < 3 || parts.front() != "ensemble") return false;
    return std::all_of(parts.begin() + 1, parts.end() - 1, [this](const std::string& part) {
      return std::ranges::any_of(options_.configurations, [&](const std::string& configuration) {
        return ModelName{options_.trainer, options_.plans, configuration}.folder() == part;
      });
    });
  }

  const ExportOptions& options_;
  std::vector<fs::path> files_;
};

}  // namespace

void export_model_to_zip(const ExportOptions& options) {
  const List list(options);
  const fs::path root = results_folder();
  DeflatingZip zip(options.output, options.threads);
  Progress progress("pack", static_cast<std::int64_t>(list.files().size()), "files");
  for (const fs::path& file : list.files()) {
    zip.add_file(file.lexically_relative(root).generic_string(), file);
    progress.advance();
  }
  zip.commit();
}

}  // namespace nnunet::v2
