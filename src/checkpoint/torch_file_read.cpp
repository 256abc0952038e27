#include <fmt/format.h>

#include <array>
#include <cstring>
#include <map>
#include <span>

#include "nnunet/checkpoint/torch_file.h"
#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "nnunet/io/regular_file.h"
#include "torch_source.h"
#include "zip_reader.h"

namespace nnunet {

namespace {

/// torch.save before PyTorch 1.6 wrote a pickle of this number first.
void refuse_legacy_format(const ByteSource& file) {
  constexpr std::array<unsigned char, 14> magic{0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c,
                                                0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
  std::array<char, magic.size()> start{};
  if (file.size() < start.size()) return;
  file.read(0, std::as_writable_bytes(std::span(start)));
  if (std::memcmp(start.data(), magic.data(), magic.size()) == 0)
    throw Error(file.name(), "the file is in the format of PyTorch before 1.6",
                "load it in a newer PyTorch and write it again with torch.save");
}

/// The folder inside the archive: the part of "NAME/data.pkl" before the slash.
std::string archive_name(const ZipReader& zip, const std::string& file) {
  for (const std::string& name : zip.names()) {
    const auto slash = name.find('/');
    if (slash == std::string::npos || name.substr(slash) != "/data.pkl") continue;
    const std::string folder = name.substr(0, slash);
    if (zip.has(folder + "/constants.pkl"))
      throw Error(file, "this is a TorchScript program, not a checkpoint", "give the checkpoint that it was made from");
    if (zip.has(folder + "/byteorder") && zip.read_text(folder + "/byteorder", 16) != "little")
      throw Error(file, "the file was written on a big-endian machine", "load it there and convert it");
    return folder;
  }
  throw Error(file, "this zip archive was not written by torch.save (no data.pkl)",
              "give a checkpoint (.ckpt, .pt, .pth)");
}

/// Storages of one file by key, each read once: tensors that shared one on saving share it again.
class Storages {
 public:
  Storages(const ZipReader& zip, std::string folder, std::string file)
      : zip_(zip), folder_(std::move(folder)), file_(std::move(file)) {}

  std::shared_ptr<const std::byte> operator()(const std::string& key, std::int64_t bytes) {
    const std::string entry = folder_ + "/data/" + key;
    auto& storage = storages_[key];
    if (storage.storage == nullptr) storage = read(entry);
    if (bytes > storage.nbytes())
      throw Error(file_, fmt::format("the file is damaged: entry {} is smaller than its tensor", entry),
                  "copy or download the file again, or use another checkpoint");
    return storage.storage;
  }

 private:
  HostTensor read(const std::string& entry) {
    const std::uint64_t size = zip_.size(entry);
    // Entries of a sound file do not overlap.
    total_ += size;
    if (total_ > zip_.file_size())
      throw Error(file_, "the file is damaged: its entries overlap",
                  "copy or download the file again, or use another checkpoint");
    HostTensor bytes = HostTensor::uninitialised(Dtype::uint8, {static_cast<std::int64_t>(size)});
    zip_.read(entry, {bytes.mutable_bytes(), size});
    return bytes;
  }

  const ZipReader& zip_;
  std::string folder_;
  std::string file_;
  std::map<std::string, HostTensor> storages_;  ///< as bytes
  std::uint64_t total_ = 0;
};

}  // namespace

Value load_torch_file(const std::filesystem::path& path) {
  require_regular_file(path);
  return load_torch_file(open_bytes(path));
}

Value load_torch_file(const std::shared_ptr<const ByteSource>& file, const WantedKeys& wanted) {
  const std::string& name = file->name();
  try {
    refuse_legacy_format(*file);
    const ZipReader zip(file);
    const std::string folder = archive_name(zip, name);
    const std::string pickle = zip.read_text(folder + "/data.pkl", limits::pickle_bytes);
    return read_pickle(pickle, name, Storages(zip, folder, name), wanted);
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw Error(name, "there is not enough memory to read it",
                "close other programs, or use a machine with more memory");
  } catch (const std::exception& e) {
    throw Error(name, std::string("the file is damaged: ") + e.what(),
                "copy or download the file again, or use another checkpoint");
  }
}

}  // namespace nnunet
