#pragma once
#include <cstddef>
#include <cstdint>

/// What files from elsewhere may ask for. A file of a few bytes can promise, or unpack to, more than any machine holds;
/// beyond these limits it is refused with an Error before the memory is taken or the disk filled. docs/robustness.md
/// lists them.
namespace nnunet::limits {

inline constexpr std::size_t kibi = std::size_t{1} << 10, mebi = kibi << 10, gibi = mebi << 10;

// Images
inline constexpr std::int64_t image_voxels = std::int64_t{1} << 33;  ///< over all channels: 2048 x 2048 x 2048
/// Images that need more than this are compared with the memory that is free.
inline constexpr std::size_t unchecked_image_bytes = gibi;
inline constexpr std::size_t deflate_ratio = 1032;       ///< deflate codes at most 258 bytes in 2 bits
inline constexpr std::size_t gzip_excess = 64 * mebi;    ///< content after the voxels that is still looked at
inline constexpr std::size_t image_header_bytes = mebi;  ///< of a header that is text
inline constexpr std::size_t tiff_pages = std::size_t{1} << 16;

// DICOM
inline constexpr std::int64_t dicom_planes = std::int64_t{1}
                                             << 20;  ///< of all files of a study; a record is kept of each
/// Deflated content that may be any number of times its file's size.
inline constexpr std::size_t dicom_deflated_bytes = 64 * mebi;

// .npy arrays
inline constexpr std::size_t npy_header_bytes = 64 * kibi;  ///< numpy.load reads 10000
inline constexpr std::size_t npy_axes = 64;                 ///< numpy's own limit
inline constexpr std::int64_t npy_values = std::int64_t{1} << 56;

// JSON: dataset.json, config.json
inline constexpr std::size_t json_bytes = 256 * mebi;
inline constexpr std::size_t json_depth = 64;          ///< nested lists and objects
inline constexpr std::size_t quoted_json_bytes = 200;  ///< of a value in a message

// Checkpoints: a zip archive of a pickle and the tensors' bytes
inline constexpr std::uint64_t zip_directory_bytes = 256 * mebi;
inline constexpr std::uint64_t pickle_bytes = 256 * mebi;
inline constexpr std::size_t pickle_objects = std::size_t{1} << 21;
inline constexpr int pickle_depth = 500;
/// What shared objects may grow to when each place gets its copy, beside 64 bytes for each byte of pickle.
inline constexpr std::size_t pickle_growth_bytes = 8 * mebi;
inline constexpr std::int64_t expanded_elements = std::int64_t{1} << 28;  ///< of a tensor with stride 0
inline constexpr std::size_t tensor_dimensions = 64;

// Downloaded archives
inline constexpr std::uint64_t archive_entries = 1000000;
/// Bytes that an archive may unpack to: so many for each of its own, and this much in any case.
inline constexpr std::uint64_t archive_ratio = 200, archive_bytes = 4 * gibi;

}  // namespace nnunet::limits
