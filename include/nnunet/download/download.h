#pragma once
#include <chrono>
#include <filesystem>
#include <string>

#include "nnunet/core/limits.h"

namespace nnunet {

/// One archive of the Medical Segmentation Decathlon.
struct MsdArchive {
  std::string name;  ///< "Task04_Hippocampus"
  std::string url;   ///< the public copy that MONAI uses too
  std::string md5;   ///< of the .tar there, as MONAI's DecathlonDataset lists it
};
/// task: "4" or "04", 1 to 10. Throws Error for others.
MsdArchive msd_archive(const std::string& task);

struct DownloadOptions {
  std::string task;  ///< "01" to "10"; with a url of another dataset: empty or any name, used in messages only
  std::filesystem::path results = "/data";  ///< gets the folder TaskNN_Name
  std::string url;                          ///< empty: msd_archive(task).url
  std::string sha256;                       ///< 64 hexadecimal digits; empty: not checked (the default archives: MD5)
  bool keep_archive = false;                ///< the archive is removed after unpacking unless this is set
};

/// Fetches a dataset's archive, checks and unpacks it; returns its folder. Does nothing when that folder is there.
/// A transfer that broke off is continued by the next call. Throws Error (url or file, problem, remedy).
std::filesystem::path download_dataset(const DownloadOptions& options);

/// Fetches an http or https URL into `file`. Meanwhile the data are in "<file>.part", and "<file>.part.tag" says which
/// version of the remote file they belong to; a later call asks for the missing rest (If-Range, so that a changed
/// remote file is fetched anew) and starts again where the server knows no ranges. Broken connections are tried again,
/// up to 5 times without progress, after `pause`, then 4 times that, and so on.
void fetch(const std::string& url, const std::filesystem::path& file,
           std::chrono::milliseconds pause = std::chrono::milliseconds(200));

/// What an archive may unpack to: so many entries, and so many bytes for each of its own beside a fixed number.
struct UnpackLimits {
  std::uint64_t entries = limits::archive_entries, ratio = limits::archive_ratio, bytes = limits::archive_bytes;
};

/// Unpacks a tar archive (plain, gzip, bzip2, xz, zstd) into an existing empty folder. The whole archive is refused
/// when an entry has an absolute path or "..", is a link that is absolute or climbs with "..", or is a device, pipe or
/// socket. Owners and special permission bits are not taken over, AppleDouble files ("._name") are left out. Throws
/// Error for a truncated or corrupt archive too (gzip: checksum and length), and for one beyond the limits.
void unpack(const std::filesystem::path& archive, const std::filesystem::path& folder, const UnpackLimits& most = {});

}  // namespace nnunet
