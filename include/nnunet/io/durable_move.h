#pragma once
#include <filesystem>

namespace nnunet {

/// Returns when the folder's list of names is on the disk. Throws Error.
void flush_folder(const std::filesystem::path& folder);

/// Makes a folder for this user alone, where it is not there, such that it is still there after a loss of power. The
/// folder above it has to be there. Throws Error.
void make_private_folder(const std::filesystem::path& folder);

/// Gives a finished file another name on the same file system, replacing what has it. Returns when content and name are
/// on the disk; after a loss of power the former name may be there, too. Throws Error; the file then keeps its former
/// name, or already has the new one.
void move_file_durably(const std::filesystem::path& from, const std::filesystem::path& to);

/// The same for a folder, whose content is on the disk already, and whose former name is gone for good. Nothing, or an
/// empty folder, may have the new name.
void move_folder_durably(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace nnunet
