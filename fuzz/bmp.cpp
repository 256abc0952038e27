// A .bmp file.
#include "io/picture.h"

#include "nnunet/core/error.h"
#include "scratch_file.h"

using namespace nnunet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr NiftiLimits kLimits{1 << 20};
  try {
    const Picture picture = read_bmp(fuzz::as_bytes(data, size), "input", kLimits);
    const Image image = picture_image(picture, "input");
    fuzz::require(image.voxels.size(0) == picture.channels && image.voxels.size(3) == picture.columns);
  } catch (const Error&) {  // what a reader may throw; anything else ends the fuzzer
  }
  return 0;
}
