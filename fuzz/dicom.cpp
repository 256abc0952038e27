// A DICOM file: its header, and its first planes where they are small.
#include "instance.h"

#include <algorithm>

#include "scratch_file.h"

using namespace nnunet;

extern "C" const dicom::Library* nnunet_dicom_library(int version);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchFile file;
  const dicom::Library& library = *nnunet_dicom_library(dicom::kLibraryVersion);
  file.write(fuzz::as_bytes(data, size));
  try {
    const dicom::Instance instance = library.read_header(file.path());
    fuzz::require(instance.rows >= 0 && instance.columns >= 0 && instance.frames >= 1);
    // What the room asks of an instance before it reads its planes.
    const bool fits =
        instance.samples == 1 && instance.bits_stored >= 1 &&
        (instance.bits_allocated == 8 || instance.bits_allocated == 16 || instance.bits_allocated == 32) &&
        instance.bits_stored <= instance.bits_allocated && instance.high_bit < instance.bits_allocated &&
        instance.high_bit + 1 >= instance.bits_stored;
    const std::int64_t pixels = instance.rows * instance.columns;
    if (!instance.has_pixels || !instance.damage.empty() || !fits || pixels == 0 || pixels > 1 << 16) return 0;
    fuzz::require(instance.planes.size() == static_cast<std::size_t>(instance.frames));
    for (const dicom::Plane& plane : instance.planes)
      for (const auto& [trait, value] : plane.traits)  // what is sorted by them has to be in some order
        fuzz::require((value <=> value) == std::partial_ordering::equivalent);
    std::vector<std::size_t> planes{0};
    for (std::size_t i = 1; i < std::min<std::size_t>(instance.planes.size(), 4); ++i) planes.push_back(i);
    library.read_planes(instance, planes, [&](std::size_t, std::span<const float> values) {
      fuzz::require(values.size() == static_cast<std::size_t>(pixels));
    });
  } catch (const dicom::Unreadable&) {  // what the library may throw; anything else ends the fuzzer
  }
  return 0;
}
