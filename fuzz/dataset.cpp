// dataset.json in a folder with links that lead out of it: no listed file may.
#include "nnunet/io/dataset.h"

#include <algorithm>
#include <fstream>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "scratch_file.h"

using namespace nnunet;
namespace fs = std::filesystem;

namespace {

class Folder {
 public:
  Folder() {
    log::set_quiet(true);
    std::error_code absent;
    const fs::path memory = "/dev/shm";
    std::string name =
        ((fs::is_directory(memory, absent) ? memory : fs::temp_directory_path()) / "fuzz_XXXXXX").string();
    fuzz::require(mkdtemp(name.data()) != nullptr);
    path_ = name;
    fs::create_directory(path_ / "imagesTr");
    fs::create_directory_symlink("/", path_ / "root");
    fs::create_directory_symlink("..", path_ / "up");
    fs::create_directory_symlink("imagesTr", path_ / "in");
    fs::create_symlink("../outside", path_ / "imagesTr" / "dangling");
    fs::create_symlink("loop", path_ / "loop");
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void require_inside(const fs::path& file, const fs::path& folder) {
  const fs::path real = fs::weakly_canonical(file);
  fuzz::require(std::mismatch(folder.begin(), folder.end(), real.begin(), real.end()).first == folder.end());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  std::ofstream(folder.path() / "dataset.json", std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  try {
    const Dataset dataset = read_dataset(folder.path());
    require_dataset_inside(folder.path());
    const fs::path real = fs::canonical(folder.path());
    for (const auto* list : {&dataset.training, &dataset.test}) {
      for (const CaseFiles& c : *list) {
        require_inside(c.image, real);
        if (c.label) require_inside(*c.label, real);
        fuzz::require(c.name.find('/') == std::string::npos);
      }
    }
  } catch (const Error&) {
  }
  return 0;
}
