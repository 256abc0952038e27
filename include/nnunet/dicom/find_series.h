#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "nnunet/dicom/series.h"

/// What a folder, a zip or a file of DICOM holds.
namespace nnunet::dicom {

/// A series that was found, and whether it can be read.
struct FoundSeries {
  Series series;
  int number = 0;                     ///< as the scanner counts them; 0: it does not say
  std::string problem;                ///< why it cannot be read, "its slices ..."; empty: it can
  std::string remedy;                 ///< of the problem
  std::vector<std::string> warnings;  ///< what was repaired, or what of it is unusual
  std::array<double, 3>
      step{};  ///< mm, LPS: from one plane to the next; not along row x column when the gantry was tilted
  std::vector<std::filesystem::path> sources;  ///< the user's files that it is made from: its own, or the zip

  /// What reading needs beside; also keeps files that were unpacked.
  struct Planes;
  std::shared_ptr<const Planes> planes;
};

/// A file that is no part of a series.
struct LeftOut {
  std::string file;  ///< its path, or "study.zip: entry 3"
  std::string reason;
};

struct Finding {
  std::vector<FoundSeries> series;  ///< in order of number and UID
  std::vector<LeftOut> left_out;    ///< localizers, pictures in colour, objects that are no images, damaged files
  std::int64_t others = 0;          ///< files that are not of DICOM
};

/// Whether the library that reads DICOM is there. why_not: what is missing.
bool is_available(std::string* why_not = nullptr);

/// Whether the file begins as one of DICOM does (with a preamble), or is a zip by its name.
bool is_dicom_name_or_file(const std::filesystem::path& path);

/// Looks through a folder and all below it, a zip (unpacked to a temporary folder, which goes with the last of its
/// series) or a file. Planes are sorted along row x column. Of a series with a problem the planes may be in no order.
/// Names and messages hold nothing of the patient's. Throws Error: absent, a zip that is damaged or unpacks to far more
/// than it holds, or the library that reads DICOM is missing.
Finding find_series(const std::filesystem::path& input);

}  // namespace nnunet::dicom
