// A zip of nnU-Net v2's models, read from the zip to the weights.
#include "nnunet/checkpoint/v2_model.h"

#include <cstdlib>
#include <filesystem>

#include "nnunet/core/error.h"
#include "scratch_file.h"

using namespace nnunet;

namespace {

/// A file in memory under a name that ends in .zip.
class ZipFile {
 public:
  ZipFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nnunet_fuzz_XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    folder_ = pattern;
    std::filesystem::create_symlink(file_.path(), path());
  }
  ~ZipFile() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  ZipFile(const ZipFile&) = delete;
  ZipFile& operator=(const ZipFile&) = delete;

  std::filesystem::path path() const { return folder_ / "model.zip"; }
  void write(std::span<const std::byte> content) const { file_.write(content); }

 private:
  fuzz::ScratchFile file_;
  std::filesystem::path folder_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const ZipFile file;
  file.write(fuzz::as_bytes(data, size));
  try {
    (void)v2_folds(file.path());
    (void)read_v2_model(file.path());
  } catch (const Error&) {
  }
  return 0;
}
