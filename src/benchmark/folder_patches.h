#pragma once
#include <map>
#include <string>
#include <vector>

#include "nnunet/data/folder.h"
#include "nnunet/data/training_cases.h"

namespace nnunet {

/// Cases of a preprocessed folder of the reference system as nnU-Net v2's training takes them: images stay mapped,
/// labels and their places are kept in memory. The folder must outlive it.
class FolderPatches final : public TrainingCases {
 public:
  /// cases: indices into the folder's.
  FolderPatches(const PreprocessedFolder& folder, const std::vector<std::int64_t>& cases);

  std::string place() const override { return folder_.path().string(); }
  std::vector<std::string> names() const override;
  TrainingCase open(const std::string& name) const override;

 private:
  struct Kept {
    NpyFile image;
    Array<std::int16_t> label;
    std::vector<std::vector<std::array<std::int32_t, 3>>> locations;
  };
  const PreprocessedFolder& folder_;
  std::map<std::string, Kept> kept_;
};

}  // namespace nnunet
