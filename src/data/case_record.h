#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/data/case_store.h"
#include "nnunet/io/file_record.h"

/// The files of a store that are not arrays.
namespace nnunet::case_store {

/// Count on when the same input gives other numbers, or the files another form: cases of before are made anew.
inline constexpr int kVersion = 1;
inline constexpr const char *kImage = "_x.npy", *kLabel = "_y.npy", *kLocations = "_locations.npy";
inline constexpr const char* kKinds[] = {kImage, kLabel, kLocations};
inline constexpr const char* kRemedy = "run nnUNetv2_preprocess again: it makes anew what does not fit";

/// Labels of a request and how many places were drawn.
struct LocationCount {
  std::vector<int> labels;
  std::size_t count = 0;
};

/// .nnunet/cases/CASE.json
struct CaseRecord {
  int version = kVersion;
  nlohmann::json made_with;
  std::vector<FileRecord> sources;
  std::vector<LocationCount> locations;
  StoredOrigin origin;
};

std::filesystem::path records_folder(const std::filesystem::path& store);
std::filesystem::path record_path(const std::filesystem::path& store, const std::string& name);
std::string json_text(const CaseRecord& record);
/// Throws Error.
CaseRecord read_record(const std::filesystem::path& store, const std::string& name);
/// Nothing where there is none, or none that can be understood.
std::optional<CaseRecord> find_record(const std::filesystem::path& store, const std::string& name);

/// .nnunet/store.json: what the folder is to hold.
struct StoreList {
  int version = kVersion;
  nlohmann::json made_with;
  std::vector<std::string> cases;  ///< sorted bytewise
};

std::filesystem::path list_file(const std::filesystem::path& store);
std::string json_text(const StoreList& list);
/// Throws Error.
StoreList read_list(const std::filesystem::path& store);

/// Whether it can be a case's name: no path.
bool is_plain_name(const std::string& name);

}  // namespace nnunet::case_store
