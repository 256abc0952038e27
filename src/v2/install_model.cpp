#include <fmt/format.h>

#include "nnunet/core/error.h"
#include "nnunet/core/progress.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/zip_archive.h"
#include "nnunet/v2/model_zip.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRemedy = "use an archive from a source that you trust";

[[noreturn]] void refuse(const ZipArchive& zip, const std::string& problem) {
  throw Error(zip.path().string(), problem + "; nothing was unpacked", kRemedy);
}

/// Throws Error where the name leads out of the folder.
fs::path safe_path(const ZipArchive& zip, const ZipEntry& entry) {
  const fs::path raw(entry.name);
  bool safe = !raw.empty() && !raw.is_absolute() && entry.name.find('\\') == std::string::npos &&
              entry.name.find('\0') == std::string::npos;
  for (const fs::path& part : raw) safe = safe && part != "..";
  if (!safe) refuse(zip, fmt::format("its entry \"{}\" leads out of the folder", entry.name));
  return raw.lexically_normal();
}

void check(const ZipArchive& zip) {
  for (const ZipEntry& entry : zip.entries()) {
    safe_path(zip, entry);
    if (entry.is_link()) refuse(zip, fmt::format("its entry \"{}\" is a link", entry.name));
  }
  require_plausible_size(zip);
}

/// A link within the folder, made by someone else, may lead out of it as well.
void require_no_links(const ZipArchive& zip, const fs::path& folder, const fs::path& relative) {
  fs::path path = folder;
  for (const fs::path& part : relative.parent_path()) {
    path /= part;
    if (fs::is_symlink(fs::symlink_status(path)) &&
        !fs::weakly_canonical(path).string().starts_with(fs::weakly_canonical(folder).string() + "/"))
      refuse(zip, fmt::format("{} is a link that leads out of the folder", path.string()));
  }
}

void unpack_entry(const ZipArchive& zip, const ZipEntry& entry, const fs::path& target) {
  constexpr std::size_t piece = std::size_t{1} << 22;
  ZipEntryReader reader(zip, entry);
  PendingFile file(target);
  std::vector<std::byte> buffer;
  for (std::uint64_t at = 0; reader.left() > 0; at += buffer.size()) {
    buffer.resize(std::min<std::uint64_t>(piece, reader.left()));
    reader.read(buffer);
    file.write(at, buffer);
  }
  file.commit();
}

}  // namespace

int install_model_from_zip(const fs::path& file, const fs::path& folder) {
  const ZipArchive zip(file);
  check(zip);
  require_writable_folder(folder);
  for (const ZipEntry& entry : zip.entries()) require_no_links(zip, folder, safe_path(zip, entry));
  Progress progress("unpack", static_cast<std::int64_t>(zip.entries().size()), "files");
  int files = 0;
  for (const ZipEntry& entry : zip.entries()) {
    const fs::path target = folder / safe_path(zip, entry);
    if (entry.is_folder()) {
      fs::create_directories(target);
    } else {
      unpack_entry(zip, entry, target);
      ++files;
    }
    progress.advance();
  }
  return files;
}

}  // namespace nnunet::v2
