#include "dicom/dcmtk/c_store.h"
#include "dicom/dcmtk/segmentation.h"
#include "dicom/dcmtk/storage_server.h"
#include "dicom/dcmtk/structure_set.h"
#include "dicom/object_library.h"

namespace nnunet::dicom {
namespace {

void write(const Array<std::uint16_t>& labels, const Series& series, const ObjectOptions& options, ObjectType type,
           const std::filesystem::path& path) {
  switch (type) {
    case ObjectType::binary:
      return write_segmentation(labels, series, options, SegmentationType::binary, path);
    case ObjectType::labelmap:
      return write_segmentation(labels, series, options, SegmentationType::labelmap, path);
    case ObjectType::rtstruct:
      return write_structure_set(labels, series, options, path);
  }
}

constexpr ObjectLibrary kLibrary{write, c_store, start_storage_server};

}  // namespace
}  // namespace nnunet::dicom

extern "C" const nnunet::dicom::ObjectLibrary* nnunet_dicom_objects(int version) {
  return version == nnunet::dicom::kObjectLibraryVersion ? &nnunet::dicom::kLibrary : nullptr;
}
