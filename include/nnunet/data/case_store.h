#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/io/image_properties.h"
#include "nnunet/io/npy.h"
#include "nnunet/preprocess/case.h"

/// Cases that were preprocessed for nnU-Net v2's training, as this program keeps them in
/// $nnUNet_preprocessed/DATASET/DATA_IDENTIFIER. A case is
///   CASE_x.npy           float32 (C,D,H,W): the image
///   CASE_y.npy           int16 (D,H,W): its labels, -1 outside of the crop's mask
///   CASE_locations.npy   int32 (N,3): voxels (z,y,x) of each request of location_requests, one request after the other
///   .nnunet/cases/CASE.json   what it was made with and from, how many voxels each request has, what undoes it
/// and .nnunet/store.json lists the cases that the folder is to hold. nnU-Net's own files (CASE.b2nd, CASE.pkl) may lie
/// beside them. case_store_writer.h writes it.
namespace nnunet {

/// Cases that the folder is to hold and that are not there; nothing where it is no such folder. Throws Error.
std::optional<std::vector<std::string>> missing_cases(const std::filesystem::path& folder);

/// A case, mapped read-only. All of it may be used from any thread.
class StoredCase {
 public:
  const std::string& name() const { return name_; }
  std::int64_t channels() const { return x_.shape()[0]; }
  Shape3 size() const { return size_; }  ///< (D,H,W)

  const float* image() const { return x_.values<float>().data(); }                ///< (C,D,H,W)
  const std::int16_t* label() const { return y_.values<std::int16_t>().data(); }  ///< (D,H,W)
  /// (D,H,W) label map of a cascade's previous stage; null: none is attached.
  const std::int16_t* previous() const { return previous_ ? previous_->values<std::int16_t>().data() : nullptr; }

  /// What there are places of, in the order of location_requests.
  std::size_t requests() const { return requests_.size(); }
  std::span<const int> request_labels(std::size_t i) const { return requests_[i].labels; }
  /// Voxels (z,y,x) within size(); none where the labels are absent.
  std::span<const std::array<std::int32_t, 3>> locations(std::size_t i) const;

 private:
  friend class CaseStore;
  struct Request {
    std::vector<int> labels;
    std::size_t first = 0, count = 0;  ///< in locations_
  };
  StoredCase(std::string name, NpyFile x, NpyFile y, NpyFile locations);

  std::string name_;
  NpyFile x_, y_, locations_;
  std::optional<NpyFile> previous_;
  Shape3 size_{};
  std::vector<Request> requests_;
};

/// What undoes a case's preprocessing.
struct StoredOrigin {
  PreprocessedCase grid;  ///< without voxels: boxes, shapes and spacing on the network's axes, transposition
  ReaderProperties reader;
};

class CaseStore {
 public:
  /// Throws Error: no preprocessed cases, or only those of nnU-Net itself; cases that are missing (named: preprocessing
  /// was interrupted or failed); another version's files.
  explicit CaseStore(std::filesystem::path folder);

  const std::filesystem::path& folder() const { return folder_; }
  /// Sorted bytewise.
  const std::vector<std::string>& names() const { return names_; }
  /// What all cases were made with (case_store_writer.h).
  const nlohmann::json& made_with() const { return made_with_; }

  /// Opens the case, or hands out the one that was opened before. Thread-safe. Throws Error, naming the file: there is
  /// no such case, a file is missing or damaged, or does not fit the others.
  std::shared_ptr<const StoredCase> open(const std::string& name) const;
  /// Throws Error as open does.
  StoredOrigin origin(const std::string& name) const;

  /// From now on cases are opened with the label map that the folder (predicted_next_stage/CONFIGURATION) has of them.
  /// Throws Error where there is no such folder; open throws where a label map is missing or of another shape.
  void attach_previous(std::filesystem::path folder);
  /// Throws Error, naming cases, where a folder is attached that lacks the label map of some of these.
  void require_previous(const std::vector<std::string>& names) const;

 private:
  std::filesystem::path file(const std::string& name, const char* kind) const { return folder_ / (name + kind); }
  std::filesystem::path previous_labels(const std::string& name) const { return previous_ / (name + ".npy"); }
  std::shared_ptr<const StoredCase> open_files(const std::string& name) const;

  std::filesystem::path folder_, previous_;
  std::vector<std::string> names_;
  nlohmann::json made_with_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<const StoredCase>> open_;
};

/// The label map (D,H,W) of a cascade's previous stage that attach_previous finds: FOLDER/CASE.npy. Atomic.
void write_previous_stage(const std::filesystem::path& folder, const std::string& name,
                          const Array<std::int16_t>& labels);

}  // namespace nnunet
