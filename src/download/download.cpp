#include "nnunet/download/download.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/dataset.h"
#include "nnunet/io/digest.h"
#include "nnunet/io/regular_file.h"

namespace nnunet {

namespace {

namespace fs = std::filesystem;

struct Known {
  const char* name;
  const char* md5;
};
constexpr std::array<Known, 10> kTasks{{{"Task01_BrainTumour", "240a19d752f0d9e9101544901065d872"},
                                        {"Task02_Heart", "06ee59366e1e5124267b774dbd654057"},
                                        {"Task03_Liver", "a90ec6c4aa7f6a3d087205e23d4e6397"},
                                        {"Task04_Hippocampus", "9d24dba78a72977dbd1d2e110310f31b"},
                                        {"Task05_Prostate", "35138f08b1efaef89d7424d2bcc928db"},
                                        {"Task06_Lung", "8afd997733c7fc0432f71255ba4e52dc"},
                                        {"Task07_Pancreas", "4f7080cfca169fa8066d17ce6eb061e4"},
                                        {"Task08_HepaticVessel", "641d79e80ec66453921d997fbf12a29c"},
                                        {"Task09_Spleen", "410d4a301da4e5b2f6f86ec3ddba524e"},
                                        {"Task10_Colon", "bad7a188931dc2f6acf72b08eb6202d0"}}};
constexpr const char* kBucket = "https://msd-for-monai.s3-us-west-2.amazonaws.com/";

/// The folder's removal is certain, whatever happens to its content.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(fs::path path) : path_(std::move(path)) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// The last part of the URL's path.
std::string file_name(const std::string& url) {
  const std::string path = url.substr(0, url.find_first_of("?#"));
  std::string name = path.substr(path.find_last_of('/') + 1);
  std::ranges::replace_if(
      name, [](unsigned char c) { return std::isalnum(c) == 0 && c != '.' && c != '_' && c != '-'; }, '_');
  if (name.empty() || name.starts_with("."))
    throw Error(url, "this address names no file", "give the address of a .tar or .tar.gz archive");
  return name;
}

std::string archive_stem(const std::string& name) {
  return name.substr(0, name.find('.'));
}

void check_sums(const fs::path& archive, const DownloadOptions& options, const std::string& md5) {
  std::string wanted = options.sha256;
  std::ranges::transform(wanted, wanted.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto compare = [&](const char* kind, const std::string& expected, const std::string& found) {
    if (expected == found) return;
    std::error_code ignored;
    fs::remove(archive, ignored);
    throw Error(archive.string(), fmt::format("its {} is {}, not {}; the file was removed", kind, found, expected),
                "run the command again, or check --url and --sha256");
  };
  if (!wanted.empty()) compare("SHA-256", wanted, digest_of_file(archive, DigestKind::sha256));
  if (!md5.empty()) compare("MD5", md5, digest_of_file(archive, DigestKind::md5));
}

/// The folder with dataset.json among what was unpacked: its top, or a folder in it.
fs::path find_dataset(const fs::path& folder, const fs::path& archive) {
  if (fs::exists(folder / "dataset.json")) return folder;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_directory() && !entry.is_symlink() && fs::exists(entry.path() / "dataset.json")) return entry.path();
  throw Error(archive.string(), "the archive holds no dataset (dataset.json)",
              "give the address of a Medical Segmentation Decathlon archive");
}

/// Whoever made the archive must not name files of this machine that the user's later commands would read.
void refuse_reaching_out(const fs::path& dataset, const fs::path& archive) {
  try {
    require_dataset_inside(dataset);
  } catch (const Error& e) {
    throw Error(archive.string(), fmt::format("its dataset is refused ({})", e.what()),
                "use an archive from a source that you trust");
  }
}

}  // namespace

MsdArchive msd_archive(const std::string& task) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(task.data(), task.data() + task.size(), number);
  if (error != std::errc() || end != task.data() + task.size() || number < 1 || number > kTasks.size())
    throw Error("--task " + task, "the Medical Segmentation Decathlon has the tasks 01 to 10",
                "choose one of them, or give --url");
  const Known& known = kTasks[number - 1];
  return {known.name, fmt::format("{}{}.tar", kBucket, known.name), known.md5};
}

fs::path download_dataset(const DownloadOptions& options) {
  if (!options.sha256.empty() &&
      (options.sha256.size() != 64 ||
       !std::ranges::all_of(options.sha256, [](unsigned char c) { return std::isxdigit(c) != 0; })))
    throw Error("--sha256", "this is no SHA-256 (64 hexadecimal digits)", "copy it again");
  const MsdArchive known = options.url.empty() ? msd_archive(options.task)
                                               : MsdArchive{archive_stem(file_name(options.url)), options.url, ""};
  if (fs::exists(options.results / known.name / "dataset.json")) {
    log::info(fmt::format("{} is there already", (options.results / known.name).string()));
    return options.results / known.name;
  }
  require_writable_folder(options.results);
  const fs::path archive = options.results / file_name(known.url);
  if (!fs::exists(archive)) fetch(known.url, archive);
  require_regular_file(archive);
  check_sums(archive, options, known.md5);

  const TemporaryFolder temporary(options.results / fmt::format(".{}.unpacking.{}", known.name, getpid()));
  unpack(archive, temporary.path());
  const fs::path dataset = find_dataset(temporary.path(), archive);
  refuse_reaching_out(dataset, archive);
  const fs::path target = options.results / (dataset == temporary.path() ? known.name : dataset.filename().string());
  std::error_code failed;
  fs::rename(dataset, target, failed);
  if (failed)
    throw Error(target.string(), fmt::format("the unpacked dataset cannot be put there ({})", failed.message()),
                "move away what is there");
  if (!options.keep_archive) fs::remove(archive, failed);
  return target;
}

}  // namespace nnunet
