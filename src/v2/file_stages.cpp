#include "nnunet/v2/file_stages.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "nnunet/core/case_failure.h"
#include "nnunet/core/parallel.h"
#include "nnunet/v2/case_properties.h"
#include "nnunet/v2/npz.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

/// A file that goes with this object.
struct Removed {
  fs::path path;

  explicit Removed(fs::path file) : path(std::move(file)) {}
  Removed(const Removed&) = delete;
  Removed& operator=(const Removed&) = delete;
  ~Removed() {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
};

}  // namespace

bool CaseOutputs::packed() const {
  return probabilities.extension() == ".npz";
}

fs::path CaseOutputs::properties() const {
  return fs::path(probabilities).replace_extension(".pkl");
}

fs::path CaseOutputs::gathered() const {
  if (!packed()) return probabilities;
  return probabilities.parent_path() / fmt::format(".{}.npy", probabilities.stem().string());
}

std::vector<fs::path> CaseOutputs::files() const {
  std::vector<fs::path> all{label};
  if (probabilities.empty()) return all;
  all.push_back(probabilities);
  if (packed()) all.insert(all.end(), {properties(), gathered()});
  return all;
}

std::vector<std::string> CaseOutputs::extras() const {
  std::vector<std::string> names;
  if (probabilities.empty()) return names;
  for (const fs::path& file : {probabilities, packed() ? properties() : fs::path()})
    if (!file.empty()) names.push_back(file.lexically_relative(label.parent_path()).string());
  return names;
}

FileStages::FileStages(const Predictor& predictor, ImageFormat format, std::vector<FileCase> cases,
                       CaseFinished finished, std::optional<nlohmann::json> made_with)
    : predictor_(predictor),
      format_(std::move(format)),
      cases_(std::move(cases)),
      finished_(std::move(finished)),
      made_with_(std::move(made_with)),
      kept_(cases_.size()) {}

PreprocessedCase FileStages::read(std::size_t i, int threads) {
  const ImageCase& c = cases_[i].image;
  if (made_with_ && c.problem.empty())
    for (const fs::path& file : c.sources()) kept_[i].sources.push_back(record_file(file));
  CaseImage image = read_case_image(c, format_);
  std::optional<Array<std::uint16_t>> previous;
  if (!c.previous.empty()) previous = read_case_labels(c.previous, image, format_);
  PreprocessedCase preprocessed =
      predictor_.preprocess(c.name, std::move(image.image), threads, previous ? &*previous : nullptr);
  image.image.voxels = {};
  kept_[i].properties = case_properties(preprocessed, image.properties);
  kept_[i].image = std::move(image);
  return preprocessed;
}

RestoreSink FileStages::restore(std::size_t i, const PreprocessedCase& c) {
  const CaseOutputs& outputs = cases_[i].outputs;
  ProbabilityPlace probabilities;
  if (!outputs.probabilities.empty()) probabilities = outputs.gathered();
  return RestoreSink(cases_[i].image.name, predictor_.original_grid(c), true, probabilities);
}

void FileStages::write(std::size_t i, RestoreSink& restored, const WindowReport& report) {
  const FileCase& c = cases_[i];
  Kept kept = std::move(kept_[i]);
  if (made_with_) forget_output(c.outputs.label);
  if (!c.outputs.probabilities.empty()) save_probabilities(c.outputs, restored, kept);
  write_labels(c.outputs, restored, std::move(kept));  // last: it means that the case is finished
  log_case_time(c.image.name, report);
  tell(i, nullptr);
}

void FileStages::write_labels(const CaseOutputs& outputs, RestoreSink& restored, Kept kept) const {
  if (made_with_)
    return write_recorded_labels(outputs.label, restored, kept.image, format_,
                                 {*made_with_, std::move(kept.sources), {}, outputs.extras()});
  remove_output_record(outputs.label);
  write_restored_labels(outputs.label, restored, kept.image, format_);
}

void FileStages::failed(std::size_t i, const std::exception& e) {
  CaseStages::failed(i, e);
  tell(i, case_failure(name(i), e).c_str());
}

/// On the reader's axes, as nnU-Net leaves them.
void FileStages::save_probabilities(const CaseOutputs& outputs, RestoreSink& restored, const Kept& kept) const {
  if (!outputs.packed()) return restored.save_probabilities();
  const Removed unpacked{outputs.gathered()};
  restored.save_probabilities();
  write_npz(outputs.probabilities, unpacked.path, std::max(1, available_cores() / 2));
  write_properties(outputs.properties(), kept.properties);
}

void FileStages::tell(std::size_t i, const char* failure) {
  if (!finished_) return;
  const std::lock_guard lock(telling_);
  finished_(i, name(i), failure);
}

}  // namespace nnunet::v2
