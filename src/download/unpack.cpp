#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

#include "nnunet/core/error.h"
#include "nnunet/core/progress.h"
#include "nnunet/download/download.h"

namespace nnunet {

namespace {

namespace fs = std::filesystem;
constexpr const char* kRemedy = "remove the file and download it again";

using Reader = std::unique_ptr<archive, decltype(&archive_read_free)>;

/// libarchive does not compare gzip's checksum; zlib does.
void check_gzip(const fs::path& path) {
  std::array<char, 2> magic{};
  std::ifstream(path, std::ios::binary).read(magic.data(), magic.size());
  if (magic[0] != '\x1f' || magic[1] != '\x8b') return;
  const std::unique_ptr<gzFile_s, decltype(&gzclose)> file(gzopen(path.c_str(), "rb"), &gzclose);
  if (!file) throw Error(path.string(), std::strerror(errno), "check the path and its permissions");
  std::vector<char> buffer(1U << 20U);
  while (gzread(file.get(), buffer.data(), static_cast<unsigned>(buffer.size())) > 0) {
  }
  int code = Z_OK;
  const char* message = gzerror(file.get(), &code);
  if (code != Z_OK)
    throw Error(path.string(), fmt::format("the archive is corrupt or truncated ({})", message), kRemedy);
}

/// The entry's path without "." parts. Throws Error when it would lead out of the folder.
fs::path safe_path(const char* name, const fs::path& archive_path) {
  const fs::path raw = name == nullptr ? "" : name;
  fs::path clean;
  bool safe = !raw.empty() && !raw.is_absolute();
  for (const fs::path& part : raw) {
    safe = safe && part != "..";
    if (part != "." && !part.empty()) clean /= part;
  }
  if (!safe)
    throw Error(archive_path.string(),
                fmt::format("its entry \"{}\" leads out of the folder; nothing was unpacked", raw.string()),
                "use an archive from a source that you trust");
  return clean;
}

/// Counts what an archive unpacks to. Throws Error beyond the limits.
class Amount {
 public:
  Amount(const fs::path& archive_path, const UnpackLimits& most)
      : path_(archive_path), most_(most), left_(most.bytes + most.ratio * fs::file_size(archive_path)) {}
  void add_entry() {
    if (++entries_ > most_.entries) refuse(fmt::format("has more than {} entries", most_.entries));
  }
  void add_bytes(std::uint64_t bytes) {
    if (bytes > left_) refuse("unpacks to far more than it holds itself");
    left_ -= bytes;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(path_.string(), fmt::format("the archive {}; nothing was unpacked", why),
                "use an archive from a source that you trust");
  }
  const fs::path& path_;
  const UnpackLimits& most_;
  std::uint64_t left_, entries_ = 0;
};

void write_content(archive* reader, const fs::path& target, const fs::path& archive_path, Amount& amount) {
  std::ofstream file(target, std::ios::binary | std::ios::trunc);
  std::vector<char> buffer(1U << 20U);
  while (file) {
    const la_ssize_t got = archive_read_data(reader, buffer.data(), buffer.size());
    if (got < 0)
      throw Error(archive_path.string(),
                  fmt::format("the archive is corrupt or truncated ({})", archive_error_string(reader)), kRemedy);
    if (got == 0) break;
    amount.add_bytes(static_cast<std::uint64_t>(got));
    file.write(buffer.data(), got);
  }
  file.flush();
  if (!file)
    throw Error(target.string(), fmt::format("writing failed ({})", std::strerror(errno)),
                "free some space, or choose another --results");
}

void write_entry(archive* reader, archive_entry* entry, const fs::path& folder, const fs::path& archive_path,
                 Amount& amount) {
  amount.add_entry();
  const fs::path relative = safe_path(archive_entry_pathname(entry), archive_path);
  if (relative.empty() || relative.filename().string().starts_with("._")) return;
  const fs::path target = folder / relative;
  const auto refuse = [&](const char* what) {
    throw Error(archive_path.string(),
                fmt::format("its entry \"{}\" is a {}; nothing was unpacked", relative.string(), what),
                "use an archive from a source that you trust");
  };
  fs::create_directories(target.parent_path());
  if (const char* original = archive_entry_hardlink(entry)) {
    const fs::path source = folder / safe_path(original, archive_path);
    if (!fs::is_regular_file(fs::symlink_status(source))) refuse("hard link to nothing");
    fs::remove(target);
    fs::create_hard_link(source, target);
  } else if (archive_entry_filetype(entry) == AE_IFDIR) {
    fs::create_directories(target);
  } else if (archive_entry_filetype(entry) == AE_IFLNK) {
    // Without "..", a link stays below its own folder, whatever other links it passes through.
    const char* link = archive_entry_symlink(entry);
    safe_path(link, archive_path);
    fs::remove(target);
    fs::create_symlink(link, target);
  } else if (archive_entry_filetype(entry) == AE_IFREG) {
    fs::remove(target);
    write_content(reader, target, archive_path, amount);
  } else {
    refuse("device, pipe or socket");
  }
}

}  // namespace

void unpack(const fs::path& path, const fs::path& folder, const UnpackLimits& most) try {
  check_gzip(path);
  const Reader reader(archive_read_new(), &archive_read_free);
  if (!reader) throw std::bad_alloc();
  // Not all that libarchive knows: some of them start other programs.
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_filter_bzip2(reader.get());
  archive_read_support_filter_xz(reader.get());
  archive_read_support_filter_zstd(reader.get());
  archive_read_support_format_tar(reader.get());
  const auto corrupt = [&] {
    const char* reason = archive_error_string(reader.get());
    throw Error(path.string(),
                fmt::format("this is no tar archive, or a corrupt or truncated one ({})",
                            reason == nullptr ? "unknown" : reason),
                kRemedy);
  };
  if (archive_read_open_filename(reader.get(), path.c_str(), 1U << 20U) != ARCHIVE_OK) corrupt();

  constexpr std::int64_t megabyte = 1000000;
  Progress progress("unpack " + path.filename().string(), static_cast<std::int64_t>(fs::file_size(path)) / megabyte,
                    "MB");
  Amount amount(path, most);
  std::int64_t shown = 0;
  archive_entry* entry = nullptr;
  int code = ARCHIVE_OK;
  while ((code = archive_read_next_header(reader.get(), &entry)) == ARCHIVE_OK || code == ARCHIVE_WARN) {
    write_entry(reader.get(), entry, folder, path, amount);
    const std::int64_t done = archive_filter_bytes(reader.get(), -1) / megabyte;
    progress.advance(done - shown);
    shown = done;
  }
  if (code != ARCHIVE_EOF) corrupt();
} catch (const fs::filesystem_error& e) {
  throw Error(path.string(), fmt::format("unpacking failed ({})", e.what()),
              "free some space, or choose another --results");
}

}  // namespace nnunet
