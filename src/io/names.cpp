#include "nnunet/io/names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "nnunet/core/error.h"

namespace nnunet {

namespace fs = std::filesystem;

namespace {

// Not std::tolower: what a letter is must not depend on the user's language.
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Longer ones before those that they end with.
constexpr std::array<std::string_view, 54> kKnownSuffixes{
    ".nii.gz", ".nii.bz2", ".nii.xz", ".nii.zst", ".nii.zip", ".nii", ".hdr",  ".img",  ".mha",  ".mhd",  ".nrrd",
    ".nhdr",   ".mgh.gz",  ".mgh",    ".mgz",     ".mnc",     ".dcm", ".gipl", ".vtk",  ".vti",  ".stl",  ".npy",
    ".npz",    ".mat",     ".h5",     ".hdf5",    ".png",     ".jpg", ".jpeg", ".tif",  ".tiff", ".bmp",  ".gif",
    ".svg",    ".pdf",     ".json",   ".csv",     ".tsv",     ".txt", ".xml",  ".yaml", ".xlsx", ".ckpt", ".pt",
    ".pth",    ".onnx",    ".tar.gz", ".tar",     ".tgz",     ".gz",  ".bz2",  ".xz",   ".zst",  ".zip"};

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

}  // namespace

bool has_suffix(const fs::path& path, std::string_view suffix) {
  const std::string name = path.filename().string();
  return name.size() >= suffix.size() && std::equal(suffix.begin(), suffix.end(), name.end() - std::ssize(suffix),
                                                    [](char a, char b) { return lower(a) == lower(b); });
}

bool is_npy_name(const fs::path& path) {
  return has_suffix(path, ".npy");
}

std::string known_suffix(const fs::path& path) {
  const auto found = std::ranges::find_if(kKnownSuffixes, [&](std::string_view s) { return has_suffix(path, s); });
  return found == kKnownSuffixes.end() ? std::string() : std::string(*found);
}

void require_folder_name(const fs::path& path, const std::string& option) {
  const std::string suffix = known_suffix(path);
  if (suffix.empty() || is_folder(path)) return;
  throw Error(fmt::format("{} {}", option, path.string()),
              fmt::format("is to be a folder, but the name ends in {}, as a file's does", suffix),
              "choose another name, or end it with a slash if a folder shall have it");
}

void require_file_suffix(const fs::path& path, const std::string& option,
                         std::initializer_list<std::string_view> suffixes) {
  const std::string suffix = known_suffix(path);
  if (suffix.empty() || std::ranges::find(suffixes, suffix) != suffixes.end()) return;
  throw Error(fmt::format("{} {}", option, path.string()), fmt::format("{} files cannot be written here", suffix),
              fmt::format("let the name end in {}", fmt::join(suffixes, " or ")));
}

}  // namespace nnunet
