// An .npz file: opened as a zip archive, the first array in it read whole.
#include "nnunet/v2/npz.h"

#include <algorithm>

#include "nnunet/core/error.h"
#include "scratch_file.h"

using namespace nnunet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchFile file;
  file.write(fuzz::as_bytes(data, size));
  try {
    v2::NpzReader reader(file.path());
    std::size_t count = 1;
    for (const std::int64_t n : reader.shape()) count *= static_cast<std::size_t>(n);
    std::vector<float> part(4096);
    for (std::size_t at = 0; at < count; at += part.size())
      reader.read(std::span(part).first(std::min(part.size(), count - at)));
  } catch (const Error&) {
  }
  return 0;
}
