#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace nnunet::dicom {

// One plane of a series: an instance, or a frame of an enhanced multi-frame instance.
struct Frame {
  std::filesystem::path file;  // readable while the series is in use
  std::string sop_class_uid;
  std::string sop_instance_uid;      // empty in the file: invented, see Series::invented_uids
  int number = 0;                    // of the frame in a multi-frame instance, from 1; 0: a single-frame instance
  std::array<double, 3> position{};  // of the centre of the first voxel, mm, LPS (ImagePositionPatient)
};

// What the planes of a volume have in common.
struct Series {
  std::string study_uid, series_uid, frame_of_reference_uid;
  std::string modality;                 // CT, MR, ..
  bool invented_uids = false;           // some UID was empty or not valid in the files and is made up
  std::array<double, 3> row{};          // direction of increasing column index x, unit vector, LPS
  std::array<double, 3> column{};       // direction of increasing row index y
  std::array<double, 3> spacing{};      // mm, (z, y, x)
  std::array<std::int64_t, 3> shape{};  // (D, H, W)
  std::vector<Frame> frames;  // D of them, sorted along z of the volume: row x column points from one to the next
};

}  // namespace nnunet::dicom
