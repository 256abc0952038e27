// A .tif file: as an array, a picture and a volume.
#include "io/tiff.h"

#include "nnunet/core/error.h"
#include "scratch_file.h"

using namespace nnunet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr NiftiLimits kLimits{1 << 20};
  try {
    const TiffArray array = read_tiff(fuzz::as_bytes(data, size), "input", kLimits);
    if (array.shape.size() == 3 && array.shape[2] > 4)
      fuzz::require(tiff_volume(array, {1, 1, 1}, "input").voxels.spatial() ==
                    Shape3{array.shape[0], array.shape[1], array.shape[2]});
    fuzz::require(tiff_picture(array, "input").voxels.size(1) == 1);
  } catch (const Error&) {  // what a reader may throw; anything else ends the fuzzer
  }
  return 0;
}
