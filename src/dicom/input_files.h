#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace nnunet::dicom {

/// A file to be looked into.
struct InputFile {
  std::filesystem::path path;
  std::string name;  ///< for messages: its path, or "study.zip: entry 3", since names in archives may be patients'
};

struct InputFiles {
  std::vector<InputFile> files;
  std::shared_ptr<const void> unpacked;  ///< keeps a zip's content
  std::filesystem::path zip;             ///< empty: they are the user's own files
  std::vector<std::string> closed = {};  ///< folders below that this user may not look into
};

/// By its name, or by its first bytes: archives are exported under any name.
bool is_zip(const std::filesystem::path& path);
/// Whether it begins as a file of DICOM does: the preamble and "DICM".
bool has_preamble(const std::filesystem::path& path);
/// Throws Error for a folder that this user may not look into.
void require_open(const std::filesystem::path& folder);
InputFiles list_files(const std::filesystem::path& input);

}  // namespace nnunet::dicom
