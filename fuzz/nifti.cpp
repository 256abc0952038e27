// A .nii or .nii.gz file as it is: as an image, as a label map, and its header written back.
#include "nnunet/io/nifti.h"

#include "nnunet/core/error.h"
#include "scratch_file.h"

using namespace nnunet;

namespace {

constexpr NiftiLimits kLimits{1 << 20};

void read_image_and_write_header(std::span<const std::byte> file) {
  const Image image = read_nifti(file, "input", kLimits);
  const Shape3 shape = image.geometry.shape;
  fuzz::require(image.voxels.spatial() == shape);
  LabelMap map{Array<std::uint8_t>({shape[0], shape[1], shape[2]}), image.geometry};
  const Image back = read_nifti(encode_label_map(map, true), "output", kLimits);
  fuzz::require(back.geometry.shape == shape && back.geometry.spacing == image.geometry.spacing);
}

template <class Action>
void survive(Action&& action) {
  try {
    action();
  } catch (const Error&) {  // what a reader may throw; anything else ends the fuzzer
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchFile file;
  const auto bytes = fuzz::as_bytes(data, size);
  survive([&] { read_image_and_write_header(bytes); });
  file.write(bytes);
  survive([&] { read_nifti_info(file.path()); });
  survive([&] {
    const LabelMap map = read_label_map(file.path(), 3, kLimits);
    for (const std::uint8_t label : map.voxels.values) fuzz::require(label < 3);
  });
  return 0;
}
