// A .gipl file.
#include "io/gipl.h"

#include "nnunet/core/error.h"
#include "scratch_file.h"

using namespace nnunet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr NiftiLimits kLimits{1 << 20};
  try {
    const Image image = read_gipl(fuzz::as_bytes(data, size), "/nowhere/input", kLimits);
    fuzz::require(image.voxels.numel() == image.voxels.size(0) * volume(image.geometry.shape));
  } catch (const Error&) {  // what a reader may throw; anything else ends the fuzzer
  }
  return 0;
}
