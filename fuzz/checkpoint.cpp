// A checkpoint, of ours and others and of nnU-Net v2: inputs that begin like a zip archive as they are, others as the
// pickle in a sound archive.
#include "nnunet/checkpoint/checkpoint.h"

#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "checkpoint/zip_writer.h"
#include "nnunet/checkpoint/v2_model.h"
#include "nnunet/core/error.h"
#include "scratch_file.h"

using namespace nnunet;

namespace {

std::vector<std::byte> archive_of(std::span<const std::byte> pickle) {
  const std::vector<std::byte> numbers(4096);
  const std::string_view order = "little";
  std::ostringstream file;
  ZipWriter zip(file);
  zip.add("net/data.pkl", pickle);
  zip.add("net/byteorder", std::as_bytes(std::span(order)));
  for (const char* key : {"0", "1", "2", "3", "4", "5", "6"}) zip.add(std::string("net/data/") + key, numbers);
  zip.finish();
  const std::string text = std::move(file).str();
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
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
  try {
    (void)is_v2_model(file.path());
    (void)read_v2_model(file.path());
  } catch (const Error&) {
  }
  return 0;
}
