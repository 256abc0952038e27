#pragma once
#include <cstddef>
#include <filesystem>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nnunet {

/// Writes a file under a temporary name in the same folder ("<name>.tmp.<machine>.<process>.<start>.<n>", a long name
/// being shortened), flushes it to disk and renames it: the final name never holds half a file, and an existing file is
/// replaced only by a whole one. `write` gets the temporary path; if it throws, or the disk is full, the temporary file
/// is removed and Error names the final path, the system's reason and the remedy. Missing parent folders are made. A
/// name that is too long, or that of a pipe, socket or device, is refused before `write` begins.
void write_atomically(const std::filesystem::path& path,
                      const std::function<void(const std::filesystem::path&)>& write);

/// Files that get their final names together, after one flush for all of them: a flush for each costs more than to make
/// a small case. Until then they have temporary names, which are removed with this object.
class PendingFiles {
 public:
  PendingFiles() = default;
  PendingFiles(PendingFiles&&) = default;
  PendingFiles& operator=(PendingFiles&& other) noexcept {
    files_.swap(other.files_);
    return *this;
  }
  ~PendingFiles();

  /// As write_atomically, without the flush and the final name.
  void write(const std::filesystem::path& path, const std::function<void(const std::filesystem::path&)>& write);
  /// Renames, in the order of writing. Call flush_file_system before. Throws Error as write_atomically does.
  void publish();

 private:
  struct Names {
    std::filesystem::path temporary, final;
  };
  std::vector<Names> files_;
};

/// Returns when all that was written to the folder's file system is on the disk. Throws Error.
void flush_file_system(const std::filesystem::path& folder);

/// Who writes the files of a name.
enum class Writer {
  nobody,  ///< not this program, or others alone
  self,    ///< this process alone
  several  ///< other processes of the same job too, perhaps on other machines
};
/// Removes what killed processes left in the folder: temporary names of files that this process writes, unless their
/// writer still runs on this machine. Of names with several writers only those of ended writers of this machine, and
/// of other machines those that were not touched for ten minutes. Never fails. The name that require_writable_folder
/// tries is one of them.
void remove_leftovers(const std::filesystem::path& folder, const std::set<std::string>& names,
                      Writer writer = Writer::self);
/// The same for kinds of names, told by their ending. Of names beyond 80 bytes `writer` gets a shortened form, which
/// has the ending.
void remove_leftovers(const std::filesystem::path& folder,
                      const std::function<Writer(const std::string& name)>& writer);

void write_file(const std::filesystem::path& path, std::span<const std::byte> content);

/// The same for a file that is written piece by piece, in any order: the final name appears with commit(), and without
/// it nothing is left. Failures are thrown as write_atomically's.
class PendingFile {
 public:
  explicit PendingFile(const std::filesystem::path& path);
  ~PendingFile();
  PendingFile(PendingFile&&) noexcept;
  PendingFile& operator=(PendingFile&&) = delete;

  /// Bytes never written are 0. From any thread.
  void write(std::size_t offset, std::span<const std::byte> content) const;
  /// The file of that size as memory to write in, until commit() or the end. Room on the disk is taken at once.
  std::span<std::byte> map(std::size_t size);
  /// What is mapped leaves the memory for the file until it is next touched.
  void rest() const;
  void commit();

 private:
  void unmap();

  std::filesystem::path path_, temporary_;
  int file_ = -1;
  std::span<std::byte> mapped_;
};

void write_text(const std::filesystem::path& path, std::string_view content);

/// Throws Error (file, reason, remedy) when absent, unreadable or larger than limit bytes.
std::string read_text(const std::filesystem::path& path, std::size_t limit = std::size_t{1} << 30);

/// Throws Error when the file system of the path's folder, which need not be there, takes no name of that length.
void require_name_fits(const std::filesystem::path& path);
/// Throws Error when a file cannot be written there: found out before an hour of work, not after it.
void require_writable_file(const std::filesystem::path& path);
/// Creates the folder and tries a file in it; throws Error when it cannot be written.
void require_writable_folder(const std::filesystem::path& folder);

}  // namespace nnunet
