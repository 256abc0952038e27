#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

/// What is taken from DICOM files, and who takes it. Self-contained: the library that reads them (libnnunet_dicom, with
/// GDCM) is loaded when first needed and shares nothing else with this one.
namespace nnunet::dicom {

/// One plane of an instance: where it lies and what its stored values mean.
struct Plane {
  int number = 0;                                      ///< of the frame, from 1; 0: a single-frame instance
  std::optional<std::array<double, 3>> position;       ///< mm, LPS
  std::optional<std::array<double, 6>> orientation;    ///< row, column
  std::optional<std::array<double, 2>> pixel_spacing;  ///< mm, between rows, between columns
  std::optional<double> thickness, between;            ///< mm, of the slice; between slices
  std::optional<double> slope, intercept;
};

/// What a file's header says, as far as it is needed: nothing that names a patient is read. Texts are without padding.
struct Instance {
  std::filesystem::path file;
  std::string transfer_syntax;
  std::string sop_class_uid, sop_instance_uid, study_uid, series_uid, frame_of_reference_uid;
  std::string modality, photometric;
  std::vector<std::string> image_type;
  int series_number = 0;
  std::int64_t rows = 0, columns = 0, frames = 1;
  int samples = 1, bits_allocated = 0, bits_stored = 0, high_bit = 0;
  bool is_signed = false;
  std::optional<std::int64_t> padding, padding_limit;  ///< stored values
  bool has_lookup_table = false;                       ///< in place of slope and intercept
  bool has_pixels = false;
  std::string damage;  ///< of the pixel data, as far as their place and size tell; empty: none
  std::vector<Plane> planes;

  std::int64_t plane_bytes() const { return rows * columns * (bits_allocated / 8); }
};

/// A file cannot be read; what() says why. is_dicom: that it is of DICOM at all.
struct Unreadable : std::runtime_error {
  explicit Unreadable(const std::string& why, bool of_dicom = true) : std::runtime_error(why), is_dicom(of_dicom) {}
  bool is_dicom;
};

/// Reads files. From any number of threads.
class Library {
 public:
  virtual ~Library() = default;
  virtual Instance read_header(const std::filesystem::path& file) const = 0;
  /// The planes of these indices as stored values (rows, columns), one after the other: take(i, values).
  virtual void read_planes(const Instance& instance, std::span<const std::size_t> planes,
                           const std::function<void(std::size_t i, std::span<const float> values)>& take) const = 0;
};

/// The one symbol of libnnunet_dicom. The number says how this header was when it was built: another one is refused.
inline constexpr int kLibraryVersion = 1;
using LibraryEntry = const Library* (*)(int version);

}  // namespace nnunet::dicom
