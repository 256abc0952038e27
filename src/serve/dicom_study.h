#pragma once
#include <memory>
#include <string>
#include <vector>

#include "nnunet/dicom/find_series.h"
#include "nnunet/dicom/object.h"
#include "nnunet/io/nifti.h"
#include "nnunet/io/scratch_folder.h"
#include "upload.h"

namespace nnunet::serve {

/// Which series of what a client sends.
struct StudyChoice {
  std::string study;                ///< UID that they have to have; empty: any
  std::vector<std::string> series;  ///< UIDs, one a channel; empty: the only series there is
  std::size_t channels = 1;
};

/// A DICOM study that a client sent. Its files lie in a folder of this user alone and go with it. What messages say of
/// them is their number.
class DicomStudy {
 public:
  /// Looks through what was uploaded and chooses. Throws HttpError: 400 what is wrong with the study, SeveralSeries,
  /// 409 another study, 503 no space for it.
  DicomStudy(Upload& upload, const StudyChoice& choice);

  /// The channels (C,D,H,W) on the first one's grid. max_voxels: over all channels. Throws HttpError.
  Image read(std::int64_t max_voxels) const;
  /// A label map of these images as a DICOM object of the first series: its file.
  std::string object(const LabelMap& label, const dicom::ObjectOptions& options, dicom::ObjectType type) const;

  /// What was left out or repaired.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  void find(Upload& upload, const StudyChoice& choice);
  template <class Work>
  auto without_paths(const Work& work) const;

  std::unique_ptr<ScratchFolder> folder_;
  std::vector<dicom::FoundSeries> series_;
  std::vector<std::string> warnings_;
};

}  // namespace nnunet::serve
