#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "nnunet/checkpoint/torch_file.h"
#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "pickle_writer.h"
#include "zip_writer.h"

namespace nnunet {

namespace {

/// The folder in the archive; any name will do.
constexpr const char* kFolder = "archive/";

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

void write_archive(const std::filesystem::path& path, const Pickled& pickled) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file) throw Error(path.string(), std::strerror(errno), "choose a folder that can be written");
  ZipWriter zip(file);
  zip.add(std::string(kFolder) + "data.pkl", bytes_of(pickled.bytes));
  zip.add(std::string(kFolder) + "byteorder", bytes_of("little"));
  for (std::size_t i = 0; i < pickled.tensors.size() && file; ++i) {
    const HostTensor& tensor = pickled.tensors[i];
    zip.add(std::string(kFolder) + "data/" + std::to_string(i),
            {static_cast<const std::byte*>(tensor.data()), static_cast<std::size_t>(tensor.nbytes())});
  }
  zip.add(std::string(kFolder) + "version", bytes_of("3\n"));
  zip.finish();
  if (!file.flush())
    throw Error(path.string(), fmt::format("writing failed ({})", std::strerror(errno)),
                "free some space, or choose another folder");
}

}  // namespace

void save_torch_file(const std::filesystem::path& path, const Value& value) {
  const Pickled pickled = write_pickle(value, path.string());
  write_atomically(path, [&](const std::filesystem::path& temporary) { write_archive(temporary, pickled); });
}

void save_torch_objects(const std::filesystem::path& path, const PythonValue& value) {
  const Pickled pickled = write_pickle(value, 2, path.string());
  write_atomically(path, [&](const std::filesystem::path& temporary) { write_archive(temporary, pickled); });
}

}  // namespace nnunet
