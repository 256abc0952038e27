#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/checkpoint/python_value.h"
#include "nnunet/core/array.h"
#include "nnunet/data/case_store.h"
#include "nnunet/plan/v2_plan.h"
#include "nnunet/preprocess/class_locations.h"

/// Cases that nnU-Net v2 itself preprocessed: CASE.b2nd, CASE_seg.b2nd, CASE.pkl (contract-v2-plan, section 6), or
/// before 2.6 CASE.npz with the arrays data and seg.
namespace nnunet::v2 {

/// Names of the cases in a folder, sorted bytewise; none where it holds no such files. Those of .npz only where there
/// is no .b2nd.
std::vector<std::string> nnunet_cases(const std::filesystem::path& folder);

struct NnunetCase {
  Array<float> image;         ///< (C,D,H,W)
  Array<std::int16_t> label;  ///< (D,H,W)
  PythonValue properties;
};

/// Throws Error, naming the file: missing, damaged, or not fitting the others; blosc2 is missing.
NnunetCase read_nnunet_case(const std::filesystem::path& folder, const std::string& name);

/// What undoes the preprocessing, by a case's properties. transpose: of the plan. file: for messages. Throws Error.
StoredOrigin stored_origin(const PythonValue& properties, const std::array<int, 3>& transpose, const std::string& file);
/// Places of the requests, by a case's properties. Throws Error: some request is not there.
std::vector<ClassLocations> class_locations(const PythonValue& properties,
                                            const std::vector<std::vector<int>>& requests, const std::string& file);

/// Where the folder holds cases of nnU-Net's and none of this program's: makes a CaseStore of them beside them, as they
/// are, without looking at the raw images. An interrupted run goes on. Says so in the log. Throws Error: a case that
/// cannot be read or does not fit the plan (all of them are named in the log); blosc2 is missing.
void take_over_nnunet_cases(const std::filesystem::path& folder, const V2Plan& plan, int threads);

}  // namespace nnunet::v2
