// A .npy file: opened, and all its values read.
#include "nnunet/io/npy.h"

#include "nnunet/core/error.h"
#include "scratch_file.h"

using namespace nnunet;

namespace {

template <class T>
void read_all(const NpyFile& file) {
  const auto values = file.values<T>();
  std::size_t count = 1;
  for (const std::int64_t n : file.shape()) count *= static_cast<std::size_t>(n);
  fuzz::require(values.size() == count);
  volatile T last{};
  for (const T value : values) last = value;
  (void)last;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchFile scratch;
  scratch.write(fuzz::as_bytes(data, size));
  try {
    const NpyFile file(scratch.path());
    if (file.dtype() == "f4") read_all<float>(file);
    if (file.dtype() == "f8") read_all<double>(file);
    if (file.dtype() == "u1") read_all<std::uint8_t>(file);
    if (file.dtype() == "u2") read_all<std::uint16_t>(file);
    if (file.dtype() == "i4") read_all<std::int32_t>(file);
    if (file.dtype() == "i8") read_all<std::int64_t>(file);
  } catch (const Error&) {
  }
  return 0;
}
