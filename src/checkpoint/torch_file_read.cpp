#include <fmt/format.h>

#include <array>
#include <cstring>
#include <fstream>
#include <map>

#include "nnunet/checkpoint/torch_file.h"
#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "nnunet/io/regular_file.h"
#include "pickle_reader.h"
#include "zip_reader.h"

namespace nnunet {

namespace {

/// torch.save before PyTorch 1.6 wrote a pickle of this number first.
void refuse_legacy_format(const std::filesystem::path& path) {
  constexpr std::array<unsigned char, 14> magic{0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c,
                                                0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
  std::array<char, magic.size()> start{};
  std::ifstream(path, std::ios::binary).read(start.data(), start.size());
  if (std::memcmp(start.data(), magic.data(), magic.size()) == 0)
    throw Error(path.string(), "the file is in the format of PyTorch before 1.6",
                "load it in a newer PyTorch and write it again with torch.save");
}

/// The folder inside the archive: the part of "NAME/data.pkl" before the slash.
std::string archive_name(const ZipReader& zip, const std::filesystem::path& path) {
  for (const std::string& name : zip.names()) {
    const auto slash = name.find('/');
    if (slash == std::string::npos || name.substr(slash) != "/data.pkl") continue;
    const std::string folder = name.substr(0, slash);
    if (zip.has(folder + "/constants.pkl"))
      throw Error(path.string(), "this is a TorchScript program, not a checkpoint",
                  "give the checkpoint that it was made from");
    if (zip.has(folder + "/byteorder") && zip.read_text(folder + "/byteorder", 16) != "little")
      throw Error(path.string(), "the file was written on a big-endian machine", "load it there and convert it");
    return folder;
  }
  throw Error(path.string(), "this zip archive was not written by torch.save (no data.pkl)",
              "give a checkpoint (.ckpt, .pt, .pth)");
}

/// Storages of one file by key, each read once: tensors that shared one on saving share it again.
class Storages {
 public:
  Storages(const ZipReader& zip, std::string folder, const std::filesystem::path& path)
      : zip_(zip), folder_(std::move(folder)), path_(path) {}

  std::shared_ptr<const std::byte> operator()(const std::string& key, std::int64_t bytes) {
    const std::string entry = folder_ + "/data/" + key;
    auto& storage = storages_[key];
    if (storage.storage == nullptr) storage = read(entry);
    if (bytes > storage.nbytes())
      throw Error(path_.string(), fmt::format("the file is damaged: entry {} is smaller than its tensor", entry),
                  "copy or download the file again, or use another checkpoint");
    return storage.storage;
  }

 private:
  HostTensor read(const std::string& entry) {
    const std::uint64_t size = zip_.size(entry);
    // Entries of a sound file do not overlap.
    total_ += size;
    if (total_ > zip_.file_size())
      throw Error(path_.string(), "the file is damaged: its entries overlap",
                  "copy or download the file again, or use another checkpoint");
    HostTensor bytes = HostTensor::uninitialised(Dtype::uint8, {static_cast<std::int64_t>(size)});
    zip_.read(entry, {bytes.mutable_bytes(), size});
    return bytes;
  }

  const ZipReader& zip_;
  std::string folder_;
  const std::filesystem::path& path_;
  std::map<std::string, HostTensor> storages_;  ///< as bytes
  std::uint64_t total_ = 0;
};

}  // namespace

Value load_torch_file(const std::filesystem::path& path) {
  try {
    require_regular_file(path);
    refuse_legacy_format(path);
    const ZipReader zip(path);
    const std::string folder = archive_name(zip, path);
    const std::string pickle = zip.read_text(folder + "/data.pkl", limits::pickle_bytes);
    return read_pickle(pickle, path.string(), Storages(zip, folder, path));
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw Error(path.string(), "there is not enough memory to read it",
                "close other programs, or use a machine with more memory");
  } catch (const std::exception& e) {
    throw Error(path.string(), std::string("the file is damaged: ") + e.what(),
                "copy or download the file again, or use another checkpoint");
  }
}

}  // namespace nnunet
