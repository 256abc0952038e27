#include <caffe2/serialize/inline_container.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "nnunet/checkpoint/torch_file.h"
#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "pickle_writer.h"

namespace nnunet {

namespace {

void write_archive(const std::filesystem::path& path, const Pickled& pickled) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file) throw Error(path.string(), std::strerror(errno), "choose a folder that can be written");
  bool failed = false;
  {
    // Errors are noted, not thrown: they would have to pass through the zip library and the writer's destructor.
    caffe2::serialize::PyTorchStreamWriter writer([&](const void* data, std::size_t size) {
      if (!failed && !file.write(static_cast<const char*>(data), static_cast<std::streamsize>(size))) failed = true;
      return size;
    });
    writer.setMinVersion(3);
    writer.writeRecord("data.pkl", pickled.bytes.data(), pickled.bytes.size());
    writer.writeRecord("byteorder", "little", 6);
    for (std::size_t i = 0; i < pickled.tensors.size() && !failed; ++i)
      writer.writeRecord("data/" + std::to_string(i), pickled.tensors[i].const_data_ptr(), pickled.tensors[i].nbytes());
    writer.writeEndOfFile();
  }
  if (failed || !file.flush())
    throw Error(path.string(), fmt::format("writing failed ({})", std::strerror(errno)),
                "free some space, or choose another folder");
}

}  // namespace

void save_torch_file(const std::filesystem::path& path, const Value& value) {
  const Pickled pickled = write_pickle(value, path.string());
  write_atomically(path, [&](const std::filesystem::path& temporary) { write_archive(temporary, pickled); });
}

}  // namespace nnunet
