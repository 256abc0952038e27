// A .mha file (without files beside it), and its geometry written back.
#include "io/metaimage.h"

#include "nnunet/core/error.h"
#include "scratch_file.h"

using namespace nnunet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr NiftiLimits kLimits{1 << 20};
  try {
    const Image image = read_metaimage(fuzz::as_bytes(data, size), "/nowhere/input", kLimits);
    fuzz::require(image.voxels.numel() == image.voxels.size(0) * volume(image.geometry.shape));
    LabelBytes labels;
    const std::vector<std::byte> voxels(static_cast<std::size_t>(volume(image.geometry.shape)));
    labels.bytes = voxels;
    const auto parts = encode_metaimage(labels, image.geometry, {});
    const auto head = std::as_bytes(std::span(parts.header));
    std::vector<std::byte> file(head.begin(), head.end());
    file.insert(file.end(), parts.voxels.begin(), parts.voxels.end());
    fuzz::require(read_metaimage(file, "/nowhere/output", kLimits).geometry.shape == image.geometry.shape);
  } catch (const Error&) {  // what a reader may throw; anything else ends the fuzzer
  }
  return 0;
}
