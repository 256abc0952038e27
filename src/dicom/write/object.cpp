#include "nnunet/dicom/object.h"

#include "nnunet/dicom/segmentation.h"
#include "nnunet/dicom/structure_set.h"

namespace nnunet::dicom {

void write_object(const Array<std::uint16_t>& labels, const Series& series, const ObjectOptions& options,
                  ObjectType type, const std::filesystem::path& path) {
  switch (type) {
    case ObjectType::binary:
      return write_segmentation(labels, series, options, SegmentationType::binary, path);
    case ObjectType::labelmap:
      return write_segmentation(labels, series, options, SegmentationType::labelmap, path);
    case ObjectType::rtstruct:
      return write_structure_set(labels, series, options, path);
  }
}

}  // namespace nnunet::dicom
