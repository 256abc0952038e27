// A .npy file: opened, and all its values read.
#include "nnunet/io/npy.h"

#include "nnunet/core/error.h"
#include "scratch_file.h"

using namespace nnunet;

namespace {

template <class T>
void read_all(const NpyFile& file, std::span<const T> values) {
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
    file.visit([&](auto values) { read_all(file, values); });
    read_all(file, file.as<std::uint8_t>().values<std::uint8_t>());
  } catch (const Error&) {
  }
  return 0;
}
