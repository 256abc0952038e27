#pragma once
#include <filesystem>

#include "dicom/dcmtk/elements.h"
#include "dicom/dcmtk/source_header.h"
#include "nnunet/dicom/object_options.h"
#include "nnunet/dicom/series.h"

/// What all objects that are made of a series begin with (PS3.3, modules), and how they are written.
namespace nnunet::dicom {

struct ObjectKind {
  const char* sop_class;
  const char* modality;
};

/// A data set with the modules Patient, General Study, Series, Equipment, Frame of Reference and SOP Common. Of the
/// source only what these modules demand is copied.
void put_common_modules(DcmDataset& object, const ObjectKind& kind, const Series& series, const ObjectOptions& options);

/// Date and time under these tags: the same for all of an object.
struct Moment {
  std::string date, time;
};
Moment now();

/// At most 64 characters of LO, "not a medical device" among them.
std::string series_description(std::string_view description);

/// The instance (and frame) that a plane comes from.
void put_reference(DcmItem& item, const Frame& frame);
/// The instances of the series as items of a sequence, each once.
void put_instances(DcmItem& item, const DcmTagKey& sequence, const Series& series);

/// What made the labels, as the items of a sequence.
void put_algorithm(DcmItem& item, const DcmTagKey& sequence, const ObjectOptions& options);

/// Writes the object atomically. Throws Error.
void save(DcmFileFormat& object, E_TransferSyntax syntax, const std::filesystem::path& path);

}  // namespace nnunet::dicom
