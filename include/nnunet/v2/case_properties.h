#pragma once
#include <filesystem>
#include <string>

#include "nnunet/checkpoint/python_value.h"
#include "nnunet/data/case_store.h"
#include "nnunet/io/image_properties.h"
#include "nnunet/preprocess/case.h"

namespace nnunet::v2 {

/// What nnU-Net v2 keeps of a case beside its probabilities (CASE.pkl; contract-v2-run, section 6): a dict with
/// spacing, sitk_stuff or nibabel_stuff as the reader gave them, shape_before_cropping, bbox_used_for_cropping and
/// shape_after_cropping_and_before_resampling on the network's axes.
PythonValue case_properties(const PreprocessedCase& c, const ReaderProperties& reader);

/// The same of a case preprocessed for training, with class_locations: a dict from a label, or a tuple of labels, to
/// int64 rows (0,z,y,x); an empty list where the label is absent. Throws Error as CaseStore::open does.
PythonValue case_properties(const CaseStore& store, const std::string& name);

/// Atomic. Throws Error.
void write_properties(const std::filesystem::path& path, const PythonValue& properties);

}  // namespace nnunet::v2
