// A .nii file packed here, whole and cut: the packed one reads as the plain one, the cut one never. (Of a damaged
// .nii.gz the checksum would tell at once.)
#include <optional>

#include "nnunet/core/error.h"
#include "nnunet/io/gzip.h"
#include "nnunet/io/nifti.h"
#include "scratch_file.h"

using namespace nnunet;

namespace {

std::optional<Image> read(std::span<const std::byte> file) {
  try {
    return read_nifti(file, "input", {1 << 20});
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto content = fuzz::as_bytes(data, size);
  if (is_gzip(content)) return 0;  // reading it as a plain file would unpack it
  const std::vector<std::byte> packed = gzip(content);
  const auto plain_image = read(content), packed_image = read(packed);
  fuzz::require(plain_image.has_value() == packed_image.has_value());
  if (!plain_image) return 0;
  fuzz::require(plain_image->voxels.values == packed_image->voxels.values);
  const std::size_t cut = 1 + data[size - 1] % packed.size();
  fuzz::require(!read(std::span(packed).first(packed.size() - cut)));

  // Two members, the second one beginning anywhere.
  const std::size_t middle = size > 1 ? data[size / 2] % size : 0;
  std::vector<std::byte> members = gzip(content.first(middle));
  const std::vector<std::byte> rest = gzip(content.subspan(middle));
  members.insert(members.end(), rest.begin(), rest.end());
  const auto joined = read(members);
  fuzz::require(joined && joined->voxels.values == plain_image->voxels.values);
  return 0;
}
