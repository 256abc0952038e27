#pragma once
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/core/error.h"
#include "nnunet/io/gzip.h"
#include "nnunet/io/image_file.h"
#include "nnunet/io/nifti.h"
#include "nnunet/io/split_channels.h"
#include "reference/shared.h"
#include "v2/volumes.h"

/// The raw datasets of reference-v2/plan/real, as reference-v2/make_raw.py builds them.
namespace nnunet::test {

namespace reference_datasets {

namespace fs = std::filesystem;

inline void link(const fs::path& from, const fs::path& to) {
  fs::create_directories(to.parent_path());
  fs::create_symlink(fs::canonical(from), to);
}

inline std::vector<std::string> cases_of(const fs::path& task) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(task / "imagesTr"))
    if (const std::string name = entry.path().filename().string(); !name.starts_with('.') && is_nifti_name(name))
      names.push_back(nifti_stem(name));
  std::ranges::sort(names);
  return names;
}

inline void put_image(const fs::path& file, const fs::path& folder, const std::string& name) {
  if (read_nifti_info(file).channels == 1) return link(file, folder / (name + "_0000.nii.gz"));
  fs::create_directories(folder);
  split_channels(file, [&](std::int64_t channel, std::span<const std::byte> nifti) {
    const std::vector<std::byte> packed = gzip(nifti);
    write(folder / (name + "_000" + std::to_string(channel) + ".nii.gz"),
          {reinterpret_cast<const char*>(packed.data()), packed.size()});
  });
}

/// Of Dataset025: the top quarter of the slices is label 3.
inline void put_label_with_ignore(const fs::path& file, const fs::path& to) {
  WideLabelMap map = read_label_file(file);
  const Shape3 shape = map.voxels.spatial();
  const auto first = static_cast<std::int64_t>(0.75 * static_cast<double>(shape[0])) * shape[1] * shape[2];
  std::fill(map.voxels.values.begin() + first, map.voxels.values.end(), std::uint16_t{3});
  fs::create_directories(to.parent_path());
  write_label_file(to, map);
}

inline std::string task_of(const std::string& number) {
  if (number == "021") return "Task21_BodyCT";
  if (number == "022" || number == "024") return "Task22_HeadCT";
  if (number == "023" || number == "025") return "Task23_TwoMR";
  return "Task04_Hippocampus";
}

}  // namespace reference_datasets

/// Builds "Dataset004_Hippocampus" or another in the folder and returns its own folder.
inline std::filesystem::path build_reference_dataset(const std::string& name, const std::filesystem::path& folder) {
  using namespace reference_datasets;
  const std::string number = name.substr(7, 3);
  const fs::path root = folder / name;
  link(shared_dir() / "reference-v2/plan/real" / name / "dataset.json", root / "dataset.json");
  if (number == "027") {
    for (const char* const part : {"imagesTr", "labelsTr"})
      link(shared_dir() / "reference-v2/raw" / name / part, root / part);
    return root;
  }
  const fs::path task = shared_dir() / "data" / task_of(number);
  std::vector<std::string> cases = cases_of(task);
  if (number == "026") cases.resize(10);
  if (number == "028") cases.resize(6);
  for (const std::string& each : cases) {
    const fs::path image = task / "imagesTr" / (each + ".nii.gz"), label = task / "labelsTr" / (each + ".nii.gz");
    if (number == "028") {
      link(image, root / "pictures" / (each + ".nii.gz"));
      link(label, root / "truth" / (each + "_label.nii.gz"));
      continue;
    }
    put_image(image, root / "imagesTr", each);
    if (number == "025")
      put_label_with_ignore(label, root / "labelsTr" / (each + ".nii.gz"));
    else
      link(label, root / "labelsTr" / (each + ".nii.gz"));
  }
  return root;
}

}  // namespace nnunet::test
