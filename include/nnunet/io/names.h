#pragma once
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

/// What the names of files say. Suffixes count in any case of letters: scanners and other systems write IMAGE.NII.GZ.
namespace nnunet {

/// Whether the file's name ends so.
bool has_suffix(const std::filesystem::path& path, std::string_view suffix);
bool is_npy_name(const std::filesystem::path& path);

/// The suffix, in lower case, of a file of a kind known in this field (.mha, .nii.bz2, .ckpt, .csv ...); empty for
/// other names, "out.v2" say, and for those that end with a slash.
std::string known_suffix(const std::filesystem::path& path);

/// Throws Error where `path`, a folder to be made for `option`, has the name of a file; one that is there may have any.
void require_folder_name(const std::filesystem::path& path, const std::string& option);
/// Throws Error where `path`, a file to be written for `option`, has the suffix of another kind of file.
void require_file_suffix(const std::filesystem::path& path, const std::string& option,
                         std::initializer_list<std::string_view> suffixes);

}  // namespace nnunet
