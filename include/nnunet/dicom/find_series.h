#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "nnunet/dicom/series.h"

/// What a folder, a zip or a file of DICOM holds.
namespace nnunet::dicom {

/// A series that was found, or one of several volumes in it, and whether it can be read.
struct FoundSeries {
  Series series;                      ///< of a volume in a series: its own frames alone, under the series' UID
  int part = 0;                       ///< which of the series' volumes it is, from 1; 0: the series is one volume
  std::string apart;                  ///< what tells it from the series' other volumes, "echo time 4.9 ms"
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

  /// The series' UID; of its volumes "<UID>-1", "<UID>-2", ..
  std::string name() const;
};

/// A file that is no part of a series.
struct LeftOut {
  std::string file;  ///< its path, or "study.zip: entry 3"
  std::string reason;
};

struct Finding {
  std::vector<FoundSeries> series;  ///< in order of number, UID and part
  std::vector<LeftOut> left_out;    ///< localizers, pictures in colour, objects that are no images, damaged files
  std::int64_t others = 0;          ///< files that are not of DICOM
};

/// Whether the library that reads DICOM is there. why_not: what is missing.
bool is_available(std::string* why_not = nullptr);

/// Whether the file begins as one of DICOM does (with a preamble), or is a zip by its name or content.
bool is_dicom_name_or_file(const std::filesystem::path& path);

/// Looks through a folder and all below it, a zip (unpacked to a temporary folder, which goes with the last of its
/// series) or a file. Planes are sorted along row x column. Of a series with a problem the planes may be in no order.
/// Names and messages hold nothing of the patient's. Throws Error: absent, a zip that is damaged or unpacks to far more
/// than it holds, or the library that reads DICOM is missing.
/// A series of several volumes (directions, stacks, phases, echoes, diffusion weightings, ..) is parted where its files
/// say what belongs together, and only into volumes that each pass all checks; otherwise the whole series has a
/// problem. Its parts are in the order of direction (the most planes first), frame of reference, and then of what tells
/// them apart: numbers ascending, what does not say it first.
Finding find_series(const std::filesystem::path& input);

}  // namespace nnunet::dicom
