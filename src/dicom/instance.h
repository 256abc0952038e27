#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

/// What is taken from DICOM files, and who takes it. Self-contained: the library that reads them (libnnunet_dicom, with
/// GDCM) is loaded when first needed and shares nothing else with this one.
namespace nnunet::dicom {

/// What may tell the volumes of one series apart. In this order they sort them.
enum class Trait {
  stack,
  temporal_position,
  contrast,  ///< whether there is an agent; which one is not read
  echo_number,
  echo_time,       ///< ms
  inversion_time,  ///< ms
  flip_angle,      ///< degrees
  b_value,         ///< s/mm2
  gradient,        ///< direction of diffusion
  image_type,
  component,          ///< magnitude, phase, real, imaginary
  dimensions,         ///< indices of a multi-frame file's own dimensions, other than places
  energy_window,      ///< of nuclear medicine; these are numbers of frames' vectors
  detector,           ///< of nuclear medicine
  phase,              ///< of nuclear medicine
  interval,           ///< of nuclear medicine: R-R interval
  time_slot,          ///< of nuclear medicine
  acquisition,        ///< its number
  trigger_time,       ///< ms
  reference_time,     ///< ms, of a frame
  repetition_time,    ///< ms
  acquisition_moment  ///< date and time as digits
};

/// A value of a trait: numbers, or a text where it has none.
struct TraitValue {
  std::vector<double> numbers;  ///< finite
  std::string text;
  std::partial_ordering operator<=>(const TraitValue&) const = default;
};

/// One plane of an instance: where it lies, what its stored values mean, and what tells it from others.
struct Plane {
  int number = 0;                                      ///< of the frame, from 1; 0: a single-frame instance
  std::optional<std::array<double, 3>> position;       ///< mm, LPS
  std::optional<std::array<double, 6>> orientation;    ///< row, column
  std::optional<std::array<double, 2>> pixel_spacing;  ///< mm, between rows, between columns
  std::optional<double> thickness, between;            ///< mm, of the slice; between slices
  std::optional<double> slope, intercept;
  std::map<Trait, TraitValue> traits;  ///< those that the file says
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
inline constexpr int kLibraryVersion = 2;

}  // namespace nnunet::dicom
