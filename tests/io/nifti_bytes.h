#pragma once
#include <libdeflate.h>
#include <nifti1.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include "expect_error.h"

namespace nnunet::test {

using Bytes = std::vector<std::byte>;

/// A plain header: 4x3x2 voxels of 1 x 2 x 3 mm (x,y,z), no sform, no qform.
inline nifti_1_header plain_header(int datatype = DT_FLOAT32, int bits = 32) {
  nifti_1_header header{};
  header.sizeof_hdr = 348;
  const short dim[8] = {3, 4, 3, 2, 1, 1, 1, 1};
  std::memcpy(header.dim, dim, sizeof dim);
  const float pixdim[8] = {1, 1, 2, 3, 1, 1, 1, 1};
  std::memcpy(header.pixdim, pixdim, sizeof pixdim);
  header.datatype = static_cast<short>(datatype);
  header.bitpix = static_cast<short>(bits);
  header.vox_offset = 352;
  std::memcpy(header.magic, "n+1", 4);
  return header;
}

template <class T>
Bytes nifti_bytes(const nifti_1_header& header, const std::vector<T>& voxels) {
  Bytes file(352 + voxels.size() * sizeof(T));
  std::memcpy(file.data(), &header, sizeof header);
  if (!voxels.empty()) std::memcpy(file.data() + 352, voxels.data(), voxels.size() * sizeof(T));
  return file;
}

/// 0, 1, 2, ... 23.
template <class T>
std::vector<T> counting(std::size_t n = 24) {
  std::vector<T> values(n);
  for (std::size_t i = 0; i < n; ++i) values[i] = static_cast<T>(i);
  return values;
}

inline Bytes gzipped(std::span<const std::byte> content) {
  libdeflate_compressor* c = libdeflate_alloc_compressor(6);
  Bytes file(libdeflate_gzip_compress_bound(c, content.size()));
  file.resize(libdeflate_gzip_compress(c, content.data(), content.size(), file.data(), file.size()));
  libdeflate_free_compressor(c);
  return file;
}

}  // namespace nnunet::test
