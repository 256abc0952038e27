#pragma once
#include <filesystem>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/checkpoint/python_value.h"
#include "nnunet/infer/case_pipeline.h"
#include "nnunet/io/image_case.h"
#include "nnunet/io/output_record.h"

namespace nnunet::v2 {

/// The files made of one case.
struct CaseOutputs {
  std::filesystem::path label;
  /// .npy, or .npz with the properties in a .pkl beside it; empty: none.
  std::filesystem::path probabilities = {};

  bool packed() const;
  std::filesystem::path properties() const;
  /// Where probabilities are gathered: the .npy file, or a hidden one that is packed in the end.
  std::filesystem::path gathered() const;
  /// All that may be there, also of a killed run.
  std::vector<std::filesystem::path> files() const;
  /// What is made beside the label map: names relative to its folder.
  std::vector<std::string> extras() const;
};

struct FileCase {
  ImageCase image;
  CaseOutputs outputs;
};

/// Is told when a case is finished; failure: null, or what went wrong. By any thread, one call at a time.
using CaseFinished = std::function<void(std::size_t i, const std::string& name, const char* failure)>;

/// Images from files to label maps (and probabilities) in files. format: of the images and label maps. made_with: what
/// the label maps' records say (io/output_record.h); nothing: they get none.
class FileStages final : public CaseStages {
 public:
  FileStages(const Predictor& predictor, ImageFormat format, std::vector<FileCase> cases, CaseFinished finished = {},
             std::optional<nlohmann::json> made_with = {});

  std::size_t cases() const override { return cases_.size(); }
  std::string name(std::size_t i) const override { return cases_[i].image.name; }
  PreprocessedCase read(std::size_t i, int threads) override;
  RestoreSink restore(std::size_t i, const PreprocessedCase& c) override;
  void write(std::size_t i, RestoreSink& restored, const WindowReport& report) override;
  void failed(std::size_t i, const std::exception& e) override;

 private:
  /// What is kept of a case between reading and writing.
  struct Kept {
    CaseImage image;  ///< without voxels
    PythonValue properties;
    std::vector<FileRecord> sources;  ///< for the record
  };

  void save_probabilities(const CaseOutputs& outputs, RestoreSink& restored, const Kept& kept) const;
  void write_labels(const CaseOutputs& outputs, RestoreSink& restored, Kept kept) const;
  void tell(std::size_t i, const char* failure);

  const Predictor& predictor_;
  const ImageFormat format_;
  const std::vector<FileCase> cases_;
  const CaseFinished finished_;
  const std::optional<nlohmann::json> made_with_;
  std::vector<Kept> kept_;
  std::mutex telling_;
};

}  // namespace nnunet::v2
