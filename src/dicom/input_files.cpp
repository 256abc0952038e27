#include "input_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "nnunet/io/names.h"
#include "nnunet/io/scratch_folder.h"
#include "nnunet/io/zip_archive.h"

namespace nnunet::dicom {

namespace {

namespace fs = std::filesystem;

void unpack(const ZipArchive& zip, const ZipEntry& entry, const fs::path& target) {
  constexpr std::size_t piece = limits::mebi;
  ZipEntryReader reader(zip, entry);
  std::ofstream file(target, std::ios::binary);
  std::vector<std::byte> buffer;
  while (reader.left() > 0 && file) {
    buffer.resize(std::min<std::uint64_t>(piece, reader.left()));
    reader.read(buffer);
    file.write(reinterpret_cast<const char*>(buffer.data()), static_cast<std::streamsize>(buffer.size()));
  }
  file.flush();
  if (!file)
    throw WriteError(target.string(), "cannot be written",
                     "free some space, or set TMPDIR to a folder on a larger disk");
}

InputFiles unpacked(const fs::path& path) {
  const ZipArchive zip(path, EntryNames::numbers);
  require_plausible_size(zip);
  const auto folder = std::make_shared<ScratchFolder>();
  InputFiles result{{}, folder, path};
  for (std::size_t i = 0; i < zip.entries().size(); ++i) {
    const ZipEntry& entry = zip.entries()[i];
    if (entry.is_folder() || entry.is_link()) continue;
    const fs::path target = folder->path() / fmt::format("{:07}.dcm", i + 1);
    unpack(zip, entry, target);
    result.files.push_back({target, fmt::format("{}: entry {}", path.string(), i + 1)});
  }
  return result;
}

bool may_look_into(const fs::path& folder) {
  return ::faccessat(AT_FDCWD, folder.c_str(), R_OK | X_OK, AT_EACCESS) == 0;
}

InputFiles below(const fs::path& folder) {
  InputFiles result;
  require_open(folder);
  for (const auto& entry : fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied)) {
    if (entry.is_directory() && !may_look_into(entry.path())) result.closed.push_back(entry.path().string());
    if (!entry.is_regular_file()) continue;
    result.files.push_back({entry.path(), entry.path().string()});
    if (result.files.size() > limits::archive_entries)
      throw Error(folder.string(), fmt::format("holds more than {} files", limits::archive_entries),
                  "give the folder of a study");
  }
  std::ranges::sort(result.files, {}, &InputFile::path);
  return result;
}

/// Whether a file has these four bytes there.
bool has_at(const fs::path& path, std::streamoff place, std::string_view magic) {
  std::error_code failure;
  if (!fs::is_regular_file(path, failure)) return false;
  std::array<char, 4> found{};
  std::ifstream file(path, std::ios::binary);
  file.seekg(place);
  return file.read(found.data(), found.size()) && std::string_view(found.data(), found.size()) == magic;
}

}  // namespace

bool is_zip(const fs::path& path) {
  return has_suffix(path, ".zip") || has_at(path, 0, "PK\x03\x04");
}

bool has_preamble(const fs::path& path) {
  return has_at(path, 128, "DICM");
}

void require_open(const fs::path& folder) {
  if (!may_look_into(folder)) throw Error(folder.string(), "the folder cannot be opened", "check its permissions");
}

InputFiles list_files(const fs::path& input) {
  std::error_code failure;
  if (fs::is_directory(input, failure)) return below(input);
  if (!fs::exists(input, failure))
    throw Error(input.string(), failure ? failure.message() : "does not exist", "check the path and its permissions");
  if (!fs::is_regular_file(input, failure)) throw Error(input.string(), "is no file", "give a folder, a zip or a file");
  return is_zip(input) ? unpacked(input) : InputFiles{{{input, input.string()}}, nullptr, {}};
}

}  // namespace nnunet::dicom
