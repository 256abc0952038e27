// A checkpoint: inputs that begin like a zip archive as they are, others as the pickle in a sound archive.
#include "nnunet/checkpoint/checkpoint.h"

#include "nnunet/core/error.h"
#include "scratch_file.h"
#include "zip_writer.h"

using namespace nnunet;

namespace {

std::vector<std::byte> archive_of(std::span<const std::byte> pickle) {
  const std::vector<std::byte> numbers(4096);
  const std::string_view order = "little";
  fuzz::ZipWriter zip;
  zip.add("net/data.pkl", pickle);
  zip.add("net/byteorder", std::as_bytes(std::span(order)));
  for (const char* key : {"0", "1", "2", "3", "4", "5", "6"}) zip.add(std::string("net/data/") + key, numbers);
  return std::move(zip).finish();
}

DataConfig some_config() {
  DataConfig config;
  config.patch_size = {16, 32, 16};
  config.spacings = {1, 1, 1};
  config.n_class = 3;
  config.in_channels = 1;
  return config;
}

}  // namespace

// Never called: the writer needs the real torch.
void nnunet::save_torch_file(const std::filesystem::path&, const Value&) {
  std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchFile file;
  static const DataConfig config = some_config();
  const auto bytes = fuzz::as_bytes(data, size);
  const bool archive = size > 1 && data[0] == 'P' && data[1] == 'K';
  if (archive)
    file.write(bytes);
  else
    file.write(archive_of(bytes));
  try {
    load_checkpoint(file.path(), {&config, {}});
  } catch (const Error&) {
  }
  return 0;
}
